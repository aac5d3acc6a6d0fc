package wazoapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waitLimit is how long a test waits for what must come. It is long because only
// a test that fails waits for so long.
const waitLimit = 30 * time.Second

// Receive returns the next value of a channel. The test fails if none comes. It
// is how all tests of this package wait, so that none of them sleeps.
func Receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(waitLimit):
		require.FailNow(t, "never came: "+what)
		panic("unreachable")
	}
}
