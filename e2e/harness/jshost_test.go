package harness

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scriptedHost starts a shell script in place of a host.
func scriptedHost(ctx context.Context, t *testing.T, script string) (*JSHost, error) {
	return startJSHost(ctx, command{
		name: "scripted host", path: "/bin/sh", args: []string{"-c", script}, log: filepath.Join(t.TempDir(), "log"),
	})
}

func TestHostThatSaysNonsenseIsEnded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	h, err := scriptedHost(ctx, t, `echo '{"ready": true}'; echo nonsense; exec sleep 600`)
	require.NoError(t, err)
	require.ErrorContains(t, h.call(ctx, "alice", "start", nil, nil), "failed to read what it says")
	require.NoError(t, ctx.Err())
	require.Error(t, h.Stop())
}

func TestHostThatFallsSilent(t *testing.T) {
	h, err := scriptedHost(t.Context(), t, `echo '{"ready": true}'; exec >&-; exec sleep 600`)
	require.NoError(t, err)
	<-h.readEnd
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, h.call(ctx, "alice", "start", nil, nil), "says no more")
	h.proc.kill()
	require.Error(t, h.Stop())
}
