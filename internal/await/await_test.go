package await

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// failing is a test whose failure is looked at.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failureOf returns how a test fails that waits, and after how long.
func failureOf(wait func(t testing.TB)) (message string, after time.Duration) {
	f := &failing{}
	begin := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait(f)
	}()
	<-done
	return f.message, time.Since(begin)
}

func TestUntil(t *testing.T) {
	t.Parallel()
	t.Run("it returns when the condition holds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin, looks := time.Now(), 0
			Until(t, "the third look", func() bool { looks++; return looks == 3 })
			require.Equal(t, 2*interval, time.Since(begin))
		})
	})

	t.Run("the failure says what was waited for and how things are", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			message, after := failureOf(func(t testing.TB) {
				Until(t, "the end", func() bool { return false }, func() string { return "sent: a" }, func() string { return "read: b" })
			})
			require.Equal(t, "timed out waiting for the end\nsent: a\nread: b", message)
			require.InDelta(t, limit, after, float64(2*interval))
		})
	})

	t.Run("it looks once more after a look that took too long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			looks := 0
			Until(t, "the second look", func() bool {
				time.Sleep(2 * limit)
				looks++
				return looks == 2
			})
		})
	})
}

func TestReceive(t *testing.T) {
	t.Parallel()
	values := make(chan int, 1)
	values <- 7
	require.Equal(t, 7, Receive(t, "a value", values))
	close(values)
	require.Zero(t, Receive(t, "the end of the values", values))

	synctest.Test(t, func(t *testing.T) {
		message, after := failureOf(func(t testing.TB) { Receive(t, "a value", make(chan int)) })
		require.Equal(t, "timed out waiting for a value", message)
		require.Equal(t, limit, after)
	})
}
