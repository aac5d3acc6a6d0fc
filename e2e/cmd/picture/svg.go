package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"wazo-matrix-relay/bot/media/avatar"
	"wazo-matrix-relay/e2e/markup"
)

// Lengths, in pixels.
const (
	pictureWidth = 800
	margin       = 12  // around everything
	panelWidth   = 372 // of one side; the gap between the sides has the arrows
	headerHeight = 58
	padding      = 14 // between a panel's edge and its bubbles
	messageGap   = 10
	avatarSize   = 28
	avatarGap    = 8
	bubbleInset  = 12 // between a bubble's edge and its text
	bubbleTop    = 7
	lineHeight   = 18
	baseline     = 13  // of a line's text, from the top of the line
	maxText      = 270 // of a bubble
	fileInset    = 8   // between the edge of a file's frame and its name
)

// indents are how far the text of a block begins from the left.
var indents = map[markup.Kind]float64{markup.Quote: 10, markup.Item: 4, markup.Preformatted: 6, markup.File: 32}

// palette are the colours of people, dark enough for white letters on them.
var palette = []string{"#0b6bcb", "#8250df", "#a33a00", "#116329", "#9a2d6b", "#1b6e7a", "#5b4b00"}

const head = `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>A conversation of people on Matrix (left) and on Wazo (right), as each side shows it</title>
<style>
text { font: 13px -apple-system, "Segoe UI", Roboto, Helvetica, Arial, "Liberation Sans", sans-serif; fill: #1f2328 }
.bold, .name, .title { font-weight: 700 }
.italic { font-style: italic }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 12px; fill: #953800 }
.struck { text-decoration: line-through }
.link { fill: #0969da; text-decoration: underline }
.muted, .notice { fill: #59636e }
.title { font-size: 16px }
.small { font-size: 11px; fill: #59636e }
.initials { font-size: 11px; font-weight: 700; fill: #ffffff; text-anchor: middle }
.panel { fill: #f6f8fa; stroke: #d1d9e0 }
.bubble { fill: #ffffff; stroke: #d1d9e0 }
.own { fill: #ddf4ff; stroke: #b6e3ff }
.bar { fill: #b3bcc6 }
.file { fill: #f6f8fa; stroke: #d1d9e0 }
.icon, .arrow { fill: none; stroke: #59636e; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round }
</style>
<rect width="%[1]d" height="%[2]d" rx="12" fill="#ffffff"/>
`

// draw makes the picture: a panel for each side, and the two forms of a message
// next to each other.
func draw(exchanges []exchange) ([]byte, error) {
	ruler, err := newRuler()
	if err != nil {
		return nil, err
	}
	c := &canvas{ruler: ruler}
	left, right := float64(margin), float64(pictureWidth-margin-panelWidth)
	y := float64(margin + headerHeight + messageGap)
	for _, e := range exchanges {
		matrix, wazo := c.lay(e.matrix), c.lay(e.wazo)
		if err = c.message(matrix, left, y); err != nil {
			return nil, err
		}
		if err = c.message(wazo, right, y); err != nil {
			return nil, err
		}
		if e.matrix != nil && e.wazo != nil {
			c.arrow(y+min(matrix.height, wazo.height)/2, e.toWazo)
		}
		y += max(matrix.height, wazo.height) + messageGap
	}
	height := int(math.Ceil(y)) + margin

	whole := &canvas{}
	whole.printf(head, pictureWidth, height)
	whole.panel(left, float64(height), "#0dbd8b", "Matrix", "Encrypted room, in a client with per-message profiles")
	whole.panel(right, float64(height), "#f2a900", "Wazo", "Chat, in a client that shows Markdown")
	whole.out.Write(c.out.Bytes())
	whole.printf("</svg>\n")
	return whole.out.Bytes(), nil
}

// canvas collects the elements of the picture.
type canvas struct {
	out   bytes.Buffer
	ruler *ruler
}

func (c *canvas) printf(format string, values ...any) {
	fmt.Fprintf(&c.out, format, values...)
}

// panel draws the background of a side.
func (c *canvas) panel(x, height float64, color, title, subtitle string) {
	c.printf(`<rect class="panel" x="%g" y="%d" width="%d" height="%g" rx="10"/>`+"\n", x, margin, panelWidth, height-2*margin)
	c.printf(`<circle cx="%g" cy="%d" r="6" fill="%s"/>`+"\n", x+padding+6, margin+21, color)
	c.text(x+padding+20, margin+27, "title", []markup.Span{{Text: title}})
	c.text(x+padding+20, margin+45, "small", []markup.Span{{Text: subtitle}})
	c.printf(`<path d="M%g %d h%d" stroke="#d1d9e0"/>`+"\n", x, margin+headerHeight, panelWidth)
}

// layout is a bubble with its lines and its size.
type layout struct {
	*bubble
	parts         []part
	width, height float64
}

// part is a block with its lines. Its place is relative to the text of the bubble.
type part struct {
	kind      markup.Kind
	top, size float64
	rows      []row
}

// lay breaks the text of a bubble into lines. A bubble that is nil has no size.
func (c *canvas) lay(b *bubble) layout {
	l := layout{bubble: b}
	if b == nil {
		return l
	}
	y, width := 0.0, 0.0
	if !b.own {
		y, width = lineHeight, c.ruler.width(markup.Span{Text: b.who, Style: markup.Bold})
	}
	for i, each := range b.blocks {
		indent := indents[each.Kind]
		if i > 0 && (each.Kind != b.blocks[i-1].Kind || each.Kind == markup.Paragraph) {
			y += 4
		}
		right, size := 0.0, 0.0
		if each.Kind == markup.File {
			right, size = fileInset, 2*fileInset
		}
		rows := c.ruler.wrap(each.Spans, maxText-indent-right, each.Kind == markup.Preformatted)
		size += float64(len(rows) * lineHeight)
		l.parts = append(l.parts, part{kind: each.Kind, top: y, size: size, rows: rows})
		for _, row := range rows {
			width = max(width, indent+row.width+right)
		}
		y += size
	}
	l.width, l.height = math.Ceil(width)+2*bubbleInset, y+2*bubbleTop
	return l
}

// message draws a bubble into the panel at x: that of the person who looks at the
// right edge, and those of others, with picture and name, at the left.
func (c *canvas) message(l layout, x, y float64) error {
	if l.bubble == nil {
		return nil
	}
	color, err := "", error(nil)
	class := "bubble"
	left := x + padding + avatarSize + avatarGap
	if l.own {
		class, left = "own", x+panelWidth-padding-l.width
	} else if color, err = c.avatar(l.who, x+padding, y); err != nil {
		return err
	}
	c.printf(`<rect class="%s" x="%g" y="%g" width="%g" height="%g" rx="11"/>`+"\n", class, left, y, l.width, l.height)
	left, y = left+bubbleInset, y+bubbleTop
	if !l.own {
		c.printf(`<text class="name" style="fill: %s" x="%g" y="%g">%s</text>`+"\n", color, left, y+baseline, escape(l.who))
	}
	for _, p := range l.parts {
		c.part(p, left, y+p.top, l)
	}
	return nil
}

func (c *canvas) part(p part, x, y float64, l layout) {
	class := ""
	if l.notice {
		class = "notice"
	}
	textY := y
	switch p.kind {
	case markup.Quote:
		class = "muted"
		c.printf(`<rect class="bar" x="%g" y="%g" width="3" height="%g"/>`+"\n", x, y, p.size)
	case markup.Preformatted:
		c.printf(`<rect class="file" x="%g" y="%g" width="%g" height="%g" rx="4"/>`+"\n", x, y, l.width-2*bubbleInset, p.size)
	case markup.File:
		c.printf(`<rect class="file" x="%g" y="%g" width="%g" height="%g" rx="6"/>`+"\n", x, y, l.width-2*bubbleInset, p.size)
		c.printf(`<path class="icon" d="M%g %g h8 l4 4 v12 h-12 z m8 0 v4 h4"/>`+"\n", x+9, y+9)
		textY += fileInset
	}
	for i, row := range p.rows {
		c.text(x+indents[p.kind], textY+float64(i*lineHeight)+baseline, class, row.spans)
	}
}

// avatar draws a person's initials in the person's colour, and returns the colour.
func (c *canvas) avatar(name string, x, y float64) (color string, err error) {
	// The same person has an addition to the name on Wazo.
	person, _, _ := strings.Cut(name, " (")
	initials, err := avatar.Initials(person)
	if err != nil {
		return "", err
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(person)) // it never fails
	color = palette[hash.Sum32()%uint32(len(palette))]
	radius := float64(avatarSize) / 2
	c.printf(`<circle cx="%g" cy="%g" r="%g" fill="%s"/>`, x+radius, y+radius, radius, color)
	c.printf(`<text class="initials" x="%g" y="%g">%s</text>`+"\n", x+radius, y+radius+4, escape(initials))
	return color, nil
}

// arrow says from which side a message comes.
func (c *canvas) arrow(y float64, toWazo bool) {
	const length, tip = 16, 4
	x, direction := float64(pictureWidth-length)/2, 1
	if !toWazo {
		x, direction = x+length, -1
	}
	c.printf(`<path class="arrow" d="M%g %g h%d m%d %d l%d %d l%d %d"/>`+"\n",
		x, y, direction*length, -direction*tip, -tip, direction*tip, tip, -direction*tip, tip)
}

// text draws a line.
func (c *canvas) text(x, y float64, class string, spans []markup.Span) {
	c.printf(`<text`)
	if class != "" {
		c.printf(` class="%s"`, class)
	}
	c.printf(` x="%g" y="%g">`, x, y)
	for _, s := range spans {
		if s.Style == 0 {
			c.printf("%s", escape(s.Text))
			continue
		}
		c.printf(`<tspan class="%s">%s</tspan>`, classes(s.Style), escape(s.Text))
	}
	c.printf("</text>\n")
}

// classes are the names of a style's parts in the style sheet.
func classes(s markup.Style) string {
	var names []string
	for i, name := range []string{"bold", "italic", "code", "struck", "link", "muted"} {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// escape makes a text part of XML. What XML cannot contain is replaced.
func escape(text string) string {
	var out strings.Builder
	// A strings.Builder never fails.
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}
