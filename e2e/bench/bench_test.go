package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ms(values ...float64) Samples {
	var all Samples
	for _, value := range values {
		all = append(all, time.Duration(value*float64(time.Millisecond)))
	}
	return all
}

func TestPercentile(t *testing.T) {
	hundred := make(Samples, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100-i) * time.Millisecond // unsorted on purpose
	}
	for _, test := range []struct {
		name    string
		samples Samples
		p       float64
		want    Samples
	}{
		{name: "of nothing is 0", p: 50, want: ms(0)},
		{name: "of one sample is that sample", samples: ms(7), p: 99, want: ms(7)},
		{name: "50 of an odd number is the middle", samples: ms(9, 1, 5), p: 50, want: ms(5)},
		{name: "50 of an even number is the lower middle", samples: ms(1, 2, 3, 4), p: 50, want: ms(2)},
		{name: "99 of a hundred leaves one out", samples: hundred, p: 99, want: ms(99)},
		{name: "100 is the maximum", samples: hundred, p: 100, want: ms(100)},
		{name: "0 is the minimum", samples: hundred, p: 0, want: ms(1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want[0], test.samples.Percentile(test.p))
		})
	}
}

func TestResultLine(t *testing.T) {
	result := Result{Direction: "wazo-to-matrix", Room: "plain", Relay: ms(9, 8.5, 12), Bare: ms(6, 5, 7)}
	require.Equal(t,
		"bench: direction=wazo-to-matrix n=3 p50=9.00 p99=12.00 bare_p50=6.00 overhead_ms=3.00 room=plain",
		result.String())
	faster := Result{Relay: ms(1), Bare: ms(3)}
	require.Equal(t, -2*time.Millisecond, faster.Overhead())
}

func TestJudge(t *testing.T) {
	result := Result{Direction: "wazo-to-matrix", Room: "plain", Relay: ms(9), Bare: ms(4)}
	require.NoError(t, result.Judge(5*time.Millisecond), "the limit itself is allowed")
	require.ErrorContains(t, result.Judge(5*time.Millisecond-1), "wazo-to-matrix in plain rooms: an overhead of 5ms")
}

func TestRunTakesTurns(t *testing.T) {
	var order []string
	probe := func(name string, took time.Duration) Probe {
		return func(_ context.Context, text string) (time.Duration, error) {
			order = append(order, name)
			require.Contains(t, text, name)
			return took, nil
		}
	}
	plan := Plan{N: 2, Warmup: 1, Timeout: time.Minute}
	result, err := plan.Run(t.Context(), "direction", "plain", probe("relay", 3), probe("plain", 2))
	require.NoError(t, err)
	require.Equal(t, []string{"relay", "plain", "plain", "relay", "relay", "plain"}, order)
	require.Equal(t, Samples{3, 3}, result.Relay, "the warm-up doesn't count")
	require.Equal(t, Samples{2, 2}, result.Bare)
}

func TestRunEndsAtALostMessage(t *testing.T) {
	lost := func(ctx context.Context, _ string) (time.Duration, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	quick := func(context.Context, string) (time.Duration, error) { return 1, nil }
	_, err := Plan{N: 5, Timeout: time.Millisecond}.Run(t.Context(), "direction", "plain", quick, lost)
	require.True(t, errors.Is(err, context.DeadlineExceeded))
	require.ErrorContains(t, err, "was not delivered")
}
