// Command plots draws the charts of docs/performance.md from the figures in docs/performance:
//
//	before.json  of an earlier version of the relay and of another relay (`make bench` wrote figures like these)
//	bench.json   of this version: `make bench BENCH_FLAGS="-json …"`
//	divide.json  of the simulation: `make divide DIVIDE_FLAGS="-json …"`
//	scale.json   of many portals: a list of objects with the names that `make scale` prints
//
// What is missing is left out. The same figures always make the same charts.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"wazo-matrix-relay/e2e/bench"
	"wazo-matrix-relay/e2e/divide"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/plot"
)

func main() { harness.Command(run) }

// scale are the figures of one line of `make scale`.
type scale struct {
	Portals  float64 `json:"portals"`
	Resident float64 `json:"rss_mb"`
	Peak     float64 `json:"peak_mb"`
}

func run(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("plots", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "../docs/performance", "directory of the figures and of the charts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var before, now []bench.Figures
	var divided []divide.Result
	var scaled []scale
	err := errors.Join(read(*dir, "before.json", &before), read(*dir, "bench.json", &now), read(*dir, "divide.json", &divided), read(*dir, "scale.json", &scaled))
	if err != nil {
		return err
	}
	charts := map[string]plot.Chart{
		"rate-in.svg":  rates("Wazo → Matrix", "wazo-to-matrix", before, now),
		"rate-out.svg": rates("Matrix → Wazo", "matrix-to-wazo", before, now),
		"cost.svg":     costs(now),
		"accounts.svg": accounts(divided),
		"memory.svg":   memory(scaled),
	}
	for _, name := range slices.Sorted(maps.Keys(charts)) {
		chart := charts[name]
		chart.Series = slices.DeleteFunc(chart.Series, func(s plot.Series) bool { return len(s.Points) == 0 })
		if len(chart.Series) == 0 {
			continue
		}
		path := filepath.Join(*dir, name)
		if err = os.WriteFile(path, chart.SVG(), 0o600); err != nil {
			return err
		} else if _, err = fmt.Fprintln(stdout, "wrote", path); err != nil {
			return err
		}
	}
	return nil
}

// read reads figures. It reads nothing if the file does not exist.
func read(dir, name string, into any) error {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("failed to read %s: %w", name, err)
	}
	return nil
}

// byRooms makes a line of those figures on the stub that fit.
func byRooms(name string, figures []bench.Figures, of func(bench.Figures) float64, fits func(bench.Figures) bool) plot.Series {
	line := plot.Series{Name: name}
	for _, f := range figures {
		if f.Homeserver == "stub" && !f.Encrypted && f.FsyncDelay == 0 && fits(f) {
			line.Points = append(line.Points, plot.Point{X: float64(f.Rooms), Y: of(f)})
		}
	}
	slices.SortFunc(line.Points, func(a, b plot.Point) int { return cmp.Compare(a.X, b.X) })
	return line
}

func rates(title, direction string, before, now []bench.Figures) plot.Chart {
	of := func(program string) func(bench.Figures) bool {
		return func(f bench.Figures) bool { return f.Direction == direction && f.Program == program }
	}
	rate := func(f bench.Figures) float64 { return f.Rate }
	was := byRooms("an earlier version", before, rate, of("relay"))
	was.Dashed = true
	return plot.Chart{
		Title: title + ", stub homeserver", X: plot.Axis{Label: "rooms", Log: true}, Y: plot.Axis{Label: "messages a second"},
		Series: []plot.Series{byRooms("this relay", now, rate, of("relay")), was, byRooms("another relay, in memory only", before, rate, of("other"))},
	}
}

func costs(now []bench.Figures) plot.Chart {
	chart := plot.Chart{Title: "Cost of a message", X: plot.Axis{Label: "rooms", Log: true}, Y: plot.Axis{Label: "ms of a processor, fsyncs"}}
	for _, way := range []struct{ direction, name string }{{"wazo-to-matrix", "Wazo → Matrix"}, {"matrix-to-wazo", "Matrix → Wazo"}} {
		fits := func(f bench.Figures) bool { return f.Direction == way.direction && f.Program == "relay" }
		fsyncs := byRooms(way.name+": fsyncs", now, func(f bench.Figures) float64 { return f.Fsyncs }, fits)
		fsyncs.Dashed = true
		chart.Series = append(chart.Series, byRooms(way.name+": ms of a processor", now, func(f bench.Figures) float64 { return f.CPU }, fits), fsyncs)
	}
	return chart
}

func accounts(divided []divide.Result) plot.Chart {
	chart := plot.Chart{
		Title: "Bot accounts that a company needs (simulated)", X: plot.Axis{Label: "people", Log: true}, Y: plot.Axis{Label: "accounts", Log: true},
	}
	for _, r := range divided {
		name := fmt.Sprintf("the homeserver allows an account %g events a second", r.PerSecond)
		i := slices.IndexFunc(chart.Series, func(s plot.Series) bool { return s.Name == name })
		if i < 0 {
			i, chart.Series = len(chart.Series), append(chart.Series, plot.Series{Name: name})
		}
		chart.Series[i].Points = append(chart.Series[i].Points, plot.Point{X: float64(r.People), Y: float64(r.Accounts)})
	}
	return chart
}

func memory(scaled []scale) plot.Chart {
	idle, peak := plot.Series{Name: "when it is quiet"}, plot.Series{Name: "at the most"}
	for _, s := range scaled {
		idle.Points = append(idle.Points, plot.Point{X: s.Portals, Y: s.Resident})
		peak.Points = append(peak.Points, plot.Point{X: s.Portals, Y: s.Peak})
	}
	return plot.Chart{
		Title: "Memory of the relay", X: plot.Axis{Label: "portals", Log: true}, Y: plot.Axis{Label: "MB"}, Series: []plot.Series{idle, peak},
	}
}
