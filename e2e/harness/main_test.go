package harness

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// What all tests of this package share.
var (
	homeserver *Homeserver
	js         *JSHost
)

func TestMain(m *testing.M) {
	if os.Getenv(parentRole) != "" {
		os.Exit(playParent())
	}
	code := Main(m, func(hs *Homeserver, host *JSHost) { homeserver, js = hs, host })
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
