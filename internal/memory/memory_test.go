package memory

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLimitGrowsWithTheLiveData(t *testing.T) {
	t.Parallel()
	little, much := usage{live: 1 << 20, other: 1 << 20}, usage{live: 100 << 20, other: 10 << 20, gaps: 20 << 20}
	require.EqualValues(t, leastIdle, limit(little, false), "little is not worth any work")
	require.EqualValues(t, leastBusy, limit(little, true))
	require.EqualValues(t, 155<<20, limit(much, false))
	require.EqualValues(t, 160<<20, limit(much, true))
}

func TestMemoryIsGivenBackIfThereIsEnough(t *testing.T) {
	t.Parallel()
	require.True(t, usage{live: 40 << 20, spare: 11 << 20, held: 80 << 20}.isWorthGiving())
	require.False(t, usage{live: 40 << 20, spare: 9 << 20, held: 80 << 20}.isWorthGiving(), "gaps between objects cannot be given back, however often it is tried")
	require.False(t, usage{live: 5 << 20, spare: 5 << 20, held: 20 << 20}.isWorthGiving(), "little is not worth any work")
}

func TestReadSeesWhatIsInUse(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	before := read()
	data := make([]byte, size)
	runtime.GC()
	u := read()
	require.Greater(t, u.live, uint64(size))
	require.Greater(t, u.allocated-before.allocated, uint64(size))
	require.Less(t, u.other, uint64(1<<30), "nothing was taken away twice")
	require.Greater(t, u.held, u.live+u.other)
	runtime.KeepAlive(data)
	garbage := make([]byte, size)
	require.Greater(t, read().spare, u.spare)
	runtime.KeepAlive(garbage)
}
