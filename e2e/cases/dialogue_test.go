package cases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What numbered lines begin with: where they were said.
const (
	fromMatrix = "matrix"
	fromWazo   = "wazo"
)

func line(side string, n int) string { return fmt.Sprintf("%s line %d", side, n) }

// dialogue is both sides talking at the same time, in numbered lines.
type dialogue struct {
	*portal
	lines int
	// interrupt, if there is one, runs beside the dialogue from the middle on. It
	// must not fail the test by itself.
	interrupt func() error
	// resend, if there is one, says when to try again what Robin could not send.
	resend <-chan struct{}
}

// run has all lines said and, after them, waits for one more in each direction.
func (d dialogue) run(t *testing.T) {
	t.Helper()
	interrupted := make(chan error, 1)
	if d.interrupt == nil {
		interrupted <- nil
	}
	for n := 1; n <= d.lines; n++ {
		if n == d.lines/2 && d.interrupt != nil {
			go func() { interrupted <- d.interrupt() }()
		}
		d.post(line(fromWazo, n))
		require.NoError(t, d.say(line(fromMatrix, n)))
	}
	require.NoError(t, <-interrupted)
	d.requireTalk(t)
}

// say has Robin send a line. A line that could not be sent is sent again, which
// may show it twice on Matrix; then it must be on Wazo twice.
func (d dialogue) say(text string) error {
	_, err := d.Robin.Send(d.ctx, d.Matrix, text)
	if err == nil || d.resend == nil {
		return err
	}
	select {
	case <-d.resend:
		return d.say(text)
	case <-d.ctx.Done():
		return err
	}
}

// requireExact compares both rooms as their servers have them: every line on the
// other side, in order, none lost, none twice.
func (d dialogue) requireExact(t *testing.T) {
	t.Helper()
	said, relayed := lines(fromMatrix, d.saidOnMatrix(t)), lines(fromMatrix, d.onWazo())
	require.GreaterOrEqual(t, len(said), d.lines)
	requireSame(t, said, relayed, "from Matrix to Wazo")
	said, relayed = lines(fromWazo, d.saidOnWazo()), lines(fromWazo, d.onMatrix(t))
	require.Len(t, said, d.lines)
	requireSame(t, said, relayed, "from Wazo to Matrix")
}

// lines are the numbered lines of one side among texts.
func lines(side string, texts []string) []string {
	var found []string
	for _, text := range texts {
		if strings.HasPrefix(text, side+" line ") {
			found = append(found, text)
		}
	}
	return found
}

// requireSame shows only where the first difference is: the lists are long.
func requireSame(t *testing.T, said, relayed []string, way string) {
	t.Helper()
	for i := range max(len(said), len(relayed)) {
		from := max(0, i-2)
		if i >= len(said) || i >= len(relayed) || said[i] != relayed[i] {
			require.Failf(t, way, "%d said, %d relayed; they differ at %d:\nsaid    …%q\nrelayed …%q",
				len(said), len(relayed), i, said[min(from, len(said)):min(i+4, len(said))], relayed[min(from, len(relayed)):min(i+4, len(relayed))])
		}
	}
}
