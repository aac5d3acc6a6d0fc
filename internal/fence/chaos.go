//go:build chaos

package fence

import (
	"os"
	"slices"
	"strings"
)

// sabotaged reports whether the fence is left out, by WAZO_RELAY_BREAK=fence. A run with two relays proves with that
// that it would notice. This file is built only with the tag chaos.
func sabotaged() bool {
	return slices.Contains(strings.Split(os.Getenv("WAZO_RELAY_BREAK"), ","), "fence")
}
