// Package plot draws small line charts as SVG. The same figures always make the same picture.
package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Axis is one of the axes of a chart.
type Axis struct {
	Label string
	Log   bool // the steps are powers; no value may be 0 or less then
}

// Point is a point of a line.
type Point struct{ X, Y float64 }

// Series is a line.
type Series struct {
	Name   string
	Points []Point // in the order of X
	Dashed bool
}

// Chart is a chart. It needs at least one point.
type Chart struct {
	Title  string
	X, Y   Axis
	Series []Series
}

// Lengths, in pixels.
const (
	width, height       = 640, 360
	left, right         = 62, 26
	top, bottom         = 40, 56
	legendLine          = 17
	plotWidth           = width - left - right
	markRadius          = 3
	wantedSteps         = 6
	belowAxis, besideIt = 16, 6
)

// colours can be told apart by people who see few colours (Okabe and Ito).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00"}

const head = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>%[3]s</title>
<style>
text { font: 12px -apple-system, "Segoe UI", Roboto, Helvetica, Arial, "Liberation Sans", sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: 700 }
.grid { stroke: #d1d9e0 }
.line { fill: none; stroke-width: 2 }
</style>
<rect width="%[1]d" height="%[2]d" rx="8" fill="#ffffff"/>
<text class="title" x="%[4]d" y="24">%[3]s</text>
`

// SVG draws the chart.
func (c Chart) SVG() []byte {
	var out bytes.Buffer
	total := height + legendLine*len(c.Series)
	fmt.Fprintf(&out, head, width, total, escape(c.Title), left)
	x, y := newScale(c.X, c.values(func(p Point) float64 { return p.X }), left, left+plotWidth),
		newScale(c.Y, c.values(func(p Point) float64 { return p.Y }), height-bottom, top)
	if c.X.Log { // the values themselves are the best steps: there are few
		x.steps = c.values(func(p Point) float64 { return p.X })
	}
	for _, step := range y.steps {
		at := y.at(step)
		fmt.Fprintf(&out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			left, at, left+plotWidth, left-besideIt, at+4, number(step))
	}
	for _, step := range x.steps {
		fmt.Fprintf(&out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x.at(step), height-bottom+belowAxis, number(step))
	}
	fmt.Fprintf(&out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", left+plotWidth/2, height-bottom+2*belowAxis+2, escape(c.X.Label))
	fmt.Fprintf(&out, "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", (top+height-bottom)/2, escape(c.Y.Label))
	for i, series := range c.Series {
		c.draw(&out, i, series, x, y)
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// draw draws a line, and its place in the legend.
func (c Chart) draw(out *bytes.Buffer, i int, series Series, x, y scale) {
	colour, dashes := colours[i%len(colours)], ""
	if series.Dashed {
		dashes = ` stroke-dasharray="5 4"`
	}
	for n, p := range series.Points {
		letter := " L"
		if n == 0 {
			fmt.Fprintf(out, `<path class="line" stroke="%s"%s d="`, colour, dashes)
			letter = "M"
		}
		fmt.Fprintf(out, "%s%.1f %.1f", letter, x.at(p.X), y.at(p.Y))
	}
	out.WriteString("\"/>\n")
	for _, p := range series.Points {
		fmt.Fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" fill=\"%s\"/>\n", x.at(p.X), y.at(p.Y), markRadius, colour)
	}
	at := height + legendLine*i
	fmt.Fprintf(out, "<path class=\"line\" stroke=\"%s\"%s d=\"M%d %dh24\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
		colour, dashes, left, at-4, left+32, at, escape(series.Name))
}

// values returns a coordinate of all points, each value once, in order.
func (c Chart) values(of func(Point) float64) (values []float64) {
	for _, series := range c.Series {
		for _, p := range series.Points {
			values = append(values, of(p))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// scale says where a value stands.
type scale struct {
	log        bool
	low, high  float64
	begin, end float64 // pixels
	steps      []float64
}

// newScale returns a scale on which some values, in order, have room. One that is not logarithmic begins at 0.
func newScale(axis Axis, values []float64, begin, end float64) scale {
	s := scale{log: axis.Log, begin: begin, end: end}
	if axis.Log {
		s.low, s.high = values[0], max(values[len(values)-1], values[0]*2)
		for power := math.Pow(10, math.Floor(math.Log10(s.low))); power <= s.high*1.001; power *= 10 {
			if power >= s.low*0.999 {
				s.steps = append(s.steps, power)
			}
		}
		return s
	}
	step := niceStep(max(values[len(values)-1], 1e-9) / wantedSteps)
	for value := 0.0; ; value += step {
		s.steps = append(s.steps, value)
		if value >= values[len(values)-1] {
			s.high = value
			return s
		}
	}
}

// niceStep returns 1, 2 or 5 times a power of ten that is at least a step.
func niceStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, nice := range []float64{1, 2, 5} {
		if nice*power >= step {
			return nice * power
		}
	}
	return 10 * power
}

func (s scale) at(value float64) float64 {
	share := (value - s.low) / (s.high - s.low)
	if s.log {
		share = math.Log(value/s.low) / math.Log(s.high/s.low)
	}
	return s.begin + share*(s.end-s.begin)
}

// number writes a value for people.
func number(value float64) string { return strconv.FormatFloat(math.Round(value*1e6)/1e6, 'f', -1, 64) }

func escape(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}
