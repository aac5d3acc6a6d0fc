package app

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// Set by the build, see the Makefile and the Dockerfile.
var (
	buildVersion = ""
	buildCommit  = ""
)

// version returns what people are shown.
func version() string { return cmp.Or(buildVersion, "development") }

// printVersion prints version, commit, Go and mautrix versions.
func printVersion(w io.Writer) {
	fmt.Fprintf(w, "wazo-matrix-relay %s (commit %s)\n%s\nmautrix %s\n", version(), cmp.Or(buildCommit, "unknown"), runtime.Version(), mautrixVersion())
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
