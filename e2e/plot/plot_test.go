package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChart(t *testing.T) {
	chart := Chart{
		Title: "A & B", X: Axis{Label: "rooms", Log: true}, Y: Axis{Label: "messages a second"},
		Series: []Series{{Name: "one", Points: []Point{{1, 10}, {32, 90}}}, {Name: "two", Dashed: true, Points: []Point{{8, 100}}}},
	}
	svg := string(chart.SVG())
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	require.Contains(t, svg, "A &amp; B")
	require.Equal(t, 3, strings.Count(svg, "<circle"))
	require.Contains(t, svg, `d="M62.0 277.6 L614.0 66.4"`)
	require.Equal(t, svg, string(chart.SVG()))
}

func TestScale(t *testing.T) {
	s := newScale(Axis{}, []float64{3, 90}, 0, 100)
	require.Equal(t, []float64{0, 20, 40, 60, 80, 100}, s.steps)
	require.InDelta(t, 50, s.at(50), 1e-9)
	s = newScale(Axis{Log: true}, []float64{1, 100}, 0, 100)
	require.Equal(t, []float64{1, 10, 100}, s.steps)
	require.InDelta(t, 50, s.at(10), 1e-9)
	require.InDelta(t, 0.5, niceStep(0.3), 1e-9)
	require.InDelta(t, 10, niceStep(6), 1e-9)
}
