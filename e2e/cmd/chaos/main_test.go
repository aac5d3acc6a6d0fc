package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The long run takes too long for CI, which runs the target with other numbers.
// This test sees to it that the numbers which the Makefile ships are possible.
func TestLongRunOfTheMakefileIsPossible(t *testing.T) {
	makefile, err := os.ReadFile("../../../Makefile")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)go run \$\(TAGS\) \./cmd/chaos (.*) \$\(CHAOS_FLAGS\)$`).FindSubmatch(makefile)
	require.NotNil(t, line, "the Makefile has a target that runs this command")
	cfg, err := parse(strings.Fields(string(line[1])), io.Discard)
	require.NoError(t, err)
	require.NoError(t, cfg.Check())
}
