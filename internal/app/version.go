package app

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// Set by the build, see the Makefile and the Dockerfile.
var (
	buildVersion = ""
	buildCommit  = ""
)

// version returns what people are shown.
func version() string { return cmp.Or(buildVersion, "development") }

// commit returns the commit that the program was built from.
func commit() string { return cmp.Or(buildCommit, "unknown") }

// printVersion prints version, commit, Go and mautrix versions.
func printVersion(w io.Writer) {
	fmt.Fprintf(w, "wazo-matrix-relay %s\n%s\nmautrix %s\n", withCommit(version(), commit()), runtime.Version(), mautrixVersion())
}

// withCommit adds the commit to a version that does not contain it. The version that `git describe` prints contains it
// unless a tag stands at the commit.
func withCommit(version, commit string) string {
	if strings.Contains(version, commit) {
		return version
	}
	return fmt.Sprintf("%s (commit %s)", version, commit)
}

func mautrixVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "maunium.net/go/mautrix" {
				return dep.Version
			}
		}
	}
	return "unknown"
}

// userAgent is what the relay calls itself in its requests.
func userAgent() string { return "wazo-matrix-relay/" + version() }
