package bench

import (
	"context"
	"fmt"
	"time"
)

// Probe delivers one message with that text and returns how long it took from
// the sender's call until the other side had it.
type Probe func(ctx context.Context, text string) (time.Duration, error)

// Plan says how much to measure.
type Plan struct {
	N       int           // measured messages per kind
	Warmup  int           // messages per kind before, not measured, which fill caches and open sessions and connections
	Timeout time.Duration // how long one message may take
}

// Run measures both probes in turns, and changes which one goes first, so that
// everything else that happens on the machine affects both alike. It returns an
// error if a message does not arrive within the timeout.
func (p Plan) Run(ctx context.Context, direction, room string, relay, bare Probe) (Result, error) {
	result := Result{Direction: direction, Room: room}
	for i := range p.Warmup + p.N {
		pair := []turn{{"relay", relay, &result.Relay}, {"plain", bare, &result.Bare}}
		if i%2 == 1 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		for _, turn := range pair {
			took, err := turn.measure(ctx, p.Timeout, fmt.Sprintf("%s %s %s message %05d", direction, room, turn.name, i))
			if err != nil {
				return result, err
			}
			if i >= p.Warmup {
				*turn.samples = append(*turn.samples, took)
			}
		}
	}
	return result, nil
}

// turn is one kind of delivery. All names have the same length, so that all messages
// have the same size.
type turn struct {
	name    string
	probe   Probe
	samples *Samples
}

func (t turn) measure(ctx context.Context, timeout time.Duration, text string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	took, err := t.probe(ctx, text)
	if err != nil {
		return 0, fmt.Errorf("%q was not delivered: %w", text, err)
	}
	return took, nil
}
