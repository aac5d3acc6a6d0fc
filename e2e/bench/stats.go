// Package bench holds what `make bench` measures, how it is printed, and what counts as too slow.
package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Samples are the times of one kind of delivery.
type Samples []time.Duration

// Percentile returns the smallest sample that at least p percent of all samples
// do not exceed (nearest rank), and 0 if there are none.
func (s Samples) Percentile(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Burst is what was measured of one burst of messages.
type Burst struct {
	Messages int
	Took     time.Duration // from the first message said until the last one arrived
	CPU      time.Duration // of the program that carried them
	Servers  time.Duration // of a processor, of everything else: the simulator of Wazo, the homeserver, and the people
	Commits  float64       // of its database; each is one fsync
}

// Rate returns how many messages a second arrived.
func (b Burst) Rate() float64 { return float64(b.Messages) / b.Took.Seconds() }

// Run is what was measured of one program in one cell.
type Run struct {
	Bursts   []Burst
	Paced    Samples // of messages that come so slowly that none waits for another one
	Commits  bool    // whether Commits of the bursts is known
	Resident int64   // bytes of memory afterwards
}

// Rate returns the median of the rates of the bursts.
func (r Run) Rate() float64 {
	rates := make([]float64, len(r.Bursts))
	for i, burst := range r.Bursts {
		rates[i] = burst.Rate()
	}
	return median(rates)
}

// each returns how much of something a message takes, in the middle of the bursts.
func (r Run) each(of func(Burst) float64) float64 {
	values := make([]float64, len(r.Bursts))
	for i, burst := range r.Bursts {
		values[i] = of(burst) / float64(burst.Messages)
	}
	return median(values)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	if middle := len(values) / 2; len(values)%2 == 1 {
		return values[middle]
	} else {
		return (values[middle-1] + values[middle]) / 2
	}
}

// Cell says what is measured.
type Cell struct {
	Homeserver string
	Direction  string
	Rooms      int
	Encrypted  bool
}

// Result is what was measured of a program in a cell, and of the bare client in turns with it.
type Result struct {
	Cell
	Run, Bare Run
}

// Ratio returns the rate as a share of that of the bare client.
func (r Result) Ratio() float64 {
	if bare := r.Bare.Rate(); bare > 0 {
		return r.Run.Rate() / bare
	}
	return 0
}

// Overhead is how much longer the median takes than through the bare client. It can be negative.
func (r Result) Overhead() time.Duration {
	return r.Run.Paced.Percentile(50) - r.Bare.Paced.Percentile(50)
}

// Judge returns an error if the overhead exceeds limit.
func (r Result) Judge(limit time.Duration) error {
	if overhead := r.Overhead(); overhead > limit {
		return fmt.Errorf("%s, %s, %d rooms: an overhead of %s is more than %s", r.Homeserver, r.Direction, r.Rooms, overhead, limit)
	}
	return nil
}

// String is the line that scripts read.
func (r Result) String() string {
	fsyncs := "unknown"
	if r.Run.Commits {
		fsyncs = fmt.Sprintf("%.2f", r.Run.each(func(b Burst) float64 { return b.Commits }))
	}
	return fmt.Sprintf("bench: homeserver=%s direction=%s rooms=%d encrypted=%t rate=%.0f bare=%.0f ratio=%.2f p50_ms=%s p99_ms=%s cpu_ms_per_msg=%.2f fsyncs_per_msg=%s rss_mb=%.0f",
		r.Homeserver, r.Direction, r.Rooms, r.Encrypted, r.Run.Rate(), r.Bare.Rate(), r.Ratio(),
		millis(r.Run.Paced.Percentile(50)), millis(r.Run.Paced.Percentile(99)),
		r.Run.each(cpuMillis), fsyncs, float64(r.Run.Resident)/1e6)
}

// Share is the line that says how much of the time of the processors went to what is not measured.
func (r Result) Share() string {
	return fmt.Sprintf("share: homeserver=%s direction=%s rooms=%d encrypted=%t bare_p50_ms=%s overhead_ms=%s servers_cpu_ms_per_msg=%.2f bare_cpu_ms_per_msg=%.2f servers_share=%.2f bare_servers_share=%.2f",
		r.Homeserver, r.Direction, r.Rooms, r.Encrypted, millis(r.Bare.Paced.Percentile(50)), millis(r.Overhead()),
		r.Run.each(serverMillis), r.Bare.each(cpuMillis), r.Run.serversShare(), r.Bare.serversShare())
}

// Figures are what the lines of a result say, for plots.
type Figures struct {
	Program    string  `json:"program"` // "relay" or "other"
	Homeserver string  `json:"homeserver"`
	Direction  string  `json:"direction"`
	Rooms      int     `json:"rooms"`
	Encrypted  bool    `json:"encrypted"`
	FsyncDelay float64 `json:"fsync_delay_ms"` // by which each fsync takes longer
	Rate       float64 `json:"rate"`           // messages a second
	Bare       float64 `json:"bare"`           // those of the bare client
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	BareP50    float64 `json:"bare_p50_ms"`
	CPU        float64 `json:"cpu_ms_per_msg"`
	Fsyncs     float64 `json:"fsyncs_per_msg"` // -1: not known
	Resident   float64 `json:"rss_mb"`
	Servers    float64 `json:"servers_share"` // of the processors' time
}

// Figures returns the figures of a result of a program.
func (r Result) Figures(program string, fsyncDelay time.Duration) Figures {
	figures := Figures{
		Program: program, Homeserver: r.Homeserver, Direction: r.Direction, Rooms: r.Rooms, Encrypted: r.Encrypted,
		FsyncDelay: inMillis(fsyncDelay), Rate: round(r.Run.Rate()), Bare: round(r.Bare.Rate()),
		P50: inMillis(r.Run.Paced.Percentile(50)), P99: inMillis(r.Run.Paced.Percentile(99)), BareP50: inMillis(r.Bare.Paced.Percentile(50)),
		CPU: round(r.Run.each(cpuMillis)), Fsyncs: -1, Resident: round(float64(r.Run.Resident) / 1e6), Servers: round(r.Run.serversShare()),
	}
	if r.Run.Commits {
		figures.Fsyncs = round(r.Run.each(func(b Burst) float64 { return b.Commits }))
	}
	return figures
}

func inMillis(d time.Duration) float64 { return round(d.Seconds() * 1e3) }

// round rounds to hundredths.
func round(value float64) float64 { return math.Round(value*100) / 100 }

func cpuMillis(b Burst) float64    { return b.CPU.Seconds() * 1e3 }
func serverMillis(b Burst) float64 { return b.Servers.Seconds() * 1e3 }

// serversShare returns the part of the time of all processors that went to everything but the program.
func (r Run) serversShare() float64 {
	cpu, servers := r.each(cpuMillis), r.each(serverMillis)
	if cpu+servers == 0 {
		return 0
	}
	return servers / (cpu + servers)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000)
}
