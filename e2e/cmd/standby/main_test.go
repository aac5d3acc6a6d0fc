package main

import (
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/chaos"
	"wazo-matrix-relay/e2e/harness"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { os.Exit(harness.MainOnPostgres(m)) }

// Without the fence, a relay that wakes up makes requests although another one has taken over. The
// run must notice that.
func TestRunNoticesThatBothRelaysMakeRequests(t *testing.T) {
	cfg, err := parse([]string{"-messages", "40", "-blows", "3", "-seed", "1", "-plain"}, t.Output())
	require.NoError(t, err)
	cfg.Break, cfg.Faults = chaos.Fence, []string{"active relay frozen"}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	result, err := chaos.Run(ctx, cfg)
	require.NoError(t, err)
	t.Log(result.Line())
	require.Len(t, result.Pair.TakeOvers, 3)
	require.Positive(t, result.Pair.Together)
	require.ErrorContains(t, result.Err(), "both relays made requests at the same time")
}

// This test sees to it that the numbers which the Makefile ships are possible.
func TestRunOfTheMakefileIsPossible(t *testing.T) {
	makefile, err := os.ReadFile("../../../Makefile")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)go run \$\(TAGS\) \./cmd/standby(.*) \$\(STANDBY_FLAGS\)$`).FindSubmatch(makefile)
	require.NotNil(t, line, "the Makefile has a target that runs this command")
	cfg, err := parse(strings.Fields(string(line[1])), io.Discard)
	require.NoError(t, err)
	require.NoError(t, cfg.Check())
	_, err = parse([]string{"-blows", "0"}, io.Discard)
	require.Error(t, err)
}
