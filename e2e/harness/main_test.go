package harness

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// homeserver is the one that all tests of this package share.
var homeserver *Dendrite

func TestMain(m *testing.M) {
	if os.Getenv(parentRole) != "" {
		os.Exit(playParent())
	}
	code := Main(m, func(hs *Dendrite) { homeserver = hs })
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
