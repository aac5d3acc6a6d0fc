package bench

import (
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
	run := func(took, cpu time.Duration, commits float64) Run {
		burst := Burst{Messages: 100, Took: took, CPU: cpu, Servers: 3 * cpu, Commits: commits}
		slow := Burst{Messages: 100, Took: 10 * took, CPU: cpu, Servers: 3 * cpu, Commits: commits}
		return Run{Bursts: []Burst{slow, burst, burst}, Paced: ms(9, 8.5, 12), Commits: true, Resident: 42e6}
	}
	result := Result{
		Cell: Cell{Homeserver: "stub", Direction: "wazo-to-matrix", Rooms: 8},
		Run:  run(200*time.Millisecond, 80*time.Millisecond, 150), Bare: run(100*time.Millisecond, 20*time.Millisecond, 0),
	}
	result.Bare.Paced = ms(6, 5, 7)
	require.Equal(t, "bench: homeserver=stub direction=wazo-to-matrix rooms=8 encrypted=false rate=500 bare=1000 ratio=0.50 "+
		"p50_ms=9.00 p99_ms=12.00 cpu_ms_per_msg=0.80 fsyncs_per_msg=1.50 rss_mb=42", result.String())
	require.Equal(t, "share: homeserver=stub direction=wazo-to-matrix rooms=8 encrypted=false bare_p50_ms=6.00 overhead_ms=3.00 "+
		"servers_cpu_ms_per_msg=2.40 bare_cpu_ms_per_msg=0.20 servers_share=0.75 bare_servers_share=0.75", result.Share())
	require.Equal(t, Figures{
		Program: "relay", Homeserver: "stub", Direction: "wazo-to-matrix", Rooms: 8, FsyncDelay: 2, Rate: 500, Bare: 1000, P50: 9, P99: 12, BareP50: 6,
		CPU: 0.8, Fsyncs: 1.5, Resident: 42, Servers: 0.75,
	}, result.Figures("relay", 2*time.Millisecond))
	result.Run.Commits = false
	require.Contains(t, result.String(), " fsyncs_per_msg=unknown ")
	require.Zero(t, Result{}.Ratio(), "nothing was measured")
	require.Contains(t, Result{}.Share(), " servers_share=0.00 ")
}

func TestMedian(t *testing.T) {
	require.Zero(t, median(nil))
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
}

func TestJudge(t *testing.T) {
	result := Result{Cell: Cell{Homeserver: "stub", Direction: "wazo-to-matrix", Rooms: 1}, Run: Run{Paced: ms(9)}, Bare: Run{Paced: ms(4)}}
	require.NoError(t, result.Judge(5*time.Millisecond), "the limit itself is allowed")
	require.ErrorContains(t, result.Judge(5*time.Millisecond-1), "stub, wazo-to-matrix, 1 rooms: an overhead of 5ms")
}
