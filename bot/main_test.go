package bot

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// A second would be most of the time that the tests take.
	workBackoff.First, syncBackoff.First = 100*time.Millisecond, 100*time.Millisecond
	goleak.VerifyTestMain(m)
}
