package stage

import (
	"testing"

	"wazo-matrix-relay/e2e/harness"
)

// ForTest opens a stage on the fixture's homeserver, with a Wazo of its own, and
// closes it at the end of the test. A test that fails shows the end of the
// relay's log. Homeserver, Dir and Suffix of cfg are the fixture's.
func ForTest(t testing.TB, f *harness.Fixture, cfg Config) *Stage {
	t.Helper()
	cfg.Homeserver, cfg.Dir, cfg.Suffix = f.Homeserver, f.Dir, f.Suffix
	s, err := Open(f.Ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		harness.ShowLogIfFailed(t, s.Relay.LogFile())
	})
	return s
}
