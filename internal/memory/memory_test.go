package memory

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLimitGrowsWithTheLiveData(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, least, limit(usage{live: 1 << 20, other: 1 << 20}), "little is not worth any work")
	require.EqualValues(t, 160<<20, limit(usage{live: 100 << 20, other: 10 << 20}))
}

func TestReadSeesWhatIsInUse(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	data := make([]byte, size)
	runtime.GC()
	u := read()
	require.Greater(t, u.live, uint64(size))
	require.Less(t, u.other, uint64(1<<30), "nothing was taken away twice")
	runtime.KeepAlive(data)
}
