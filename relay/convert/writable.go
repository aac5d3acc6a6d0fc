package convert

import "slices"

// maxTried is how much Markdown is written and read back, in bytes, to find out which
// marks of a paragraph can be written.
const maxTried = 1 << 20

// markSpan is a mark over neighbouring runs.
type markSpan struct {
	mark       mark
	start, end int
}

// writable returns runs without the marks that can't be written, such as bold that ends
// between a colon and a letter.
func (p *phraser) writable(runs []run, dialects []dialect, want string, write writeRuns) []run {
	budget := maxTried
	works := func(spans []markSpan) bool {
		budget -= len(dialects) * max(len(want), 1)
		if budget < 0 {
			return false
		}
		_, ok := p.first(dialects, withMarks(runs, spans), want, write)
		return ok
	}
	return withMarks(runs, addWorking(nil, spansOf(runs), works))
}

// addWorking returns kept with as many of the candidates as work together. It halves
// them, since most marks can be written.
func addWorking(kept, candidates []markSpan, works func([]markSpan) bool) []markSpan {
	all := slices.Concat(kept, candidates)
	switch {
	case len(candidates) == 0 || works(all):
		return all
	case len(candidates) == 1:
		return kept
	}
	middle := len(candidates) / 2
	kept = addWorking(kept, candidates[:middle], works)
	return addWorking(kept, candidates[middle:], works)
}

// spansOf returns the marks of runs, each as long as it lasts.
func spansOf(runs []run) []markSpan {
	var spans []markSpan
	for _, m := range []mark{bold, italic, strike} {
		for i := 0; i < len(runs); i++ {
			start := i
			for i < len(runs) && runs[i].style.marks&m != 0 {
				i++
			}
			if i > start {
				spans = append(spans, markSpan{m, start, i})
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b markSpan) int { return a.start - b.start })
	return spans
}

// withMarks returns a copy of runs that has only the given marks.
func withMarks(runs []run, spans []markSpan) []run {
	out := slices.Clone(runs)
	for i := range out {
		out[i].style.marks = 0
	}
	for _, s := range spans {
		for i := s.start; i < s.end; i++ {
			out[i].style.marks |= s.mark
		}
	}
	return out
}
