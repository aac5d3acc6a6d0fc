package relay

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
)

// disk is what a power cut leaves of a database: the files at the end of the last commit that waited for the disk.
type disk struct {
	*fixture
	mu      sync.Mutex
	off     bool // nothing is kept any more
	commits int
	files   map[string][]byte // by the suffix of their names
}

// watchDisk keeps what is on the disk from now on.
func (f *fixture) watchDisk() *disk {
	d := &disk{fixture: f}
	f.db.OnCommit(func(time.Duration) { // nobody else writes meanwhile
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.off {
			return
		}
		d.commits++
		d.files = make(map[string][]byte)
		for _, suffix := range []string{"", "-wal"} {
			data, err := os.ReadFile(f.dbPath + suffix)
			assert.NoError(f, err)
			d.files[suffix] = data
		}
	})
	return d
}

// count returns how many commits have waited for the disk.
func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits
}

// cutPower ends the relay, and brings back what was on the disk.
func (d *disk) cutPower() {
	d.Helper()
	d.mu.Lock()
	d.off = true
	d.mu.Unlock()
	d.halt()
	dbtest.Empty(d, d.dbPath)
	for suffix, data := range d.files {
		require.NoError(d, os.WriteFile(d.dbPath+suffix, data, 0o600))
	}
}

// A message that comes alone costs one commit that waits for the disk. Now and then the relay stores something else
// meanwhile, such as what it has read of a history, so the test looks at several messages.
func TestMessageThatComesAloneCostsOneCommit(t *testing.T) {
	t.Parallel()
	if dbtest.Enabled() {
		t.Skip("on PostgreSQL every commit waits")
	}
	f := settled(t)
	d := f.watchDisk()
	// median returns how many commits a message costs in most cases.
	median := func(deliver func(text string)) int {
		var costs []int
		for i := range 7 {
			before := d.count()
			deliver(fmt.Sprintf("message %d", i))
			f.awaitEmpty()
			costs = append(costs, d.count()-before)
		}
		slices.Sort(costs)
		return costs[len(costs)/2]
	}
	require.Equal(t, 1, median(func(text string) {
		f.matrix.say(adminUser, text)
		await.Until(t, "the message on Wazo", func() bool { return slices.Contains(f.relayed(), text) })
	}))
	require.Equal(t, 1, median(func(text string) {
		f.wazo.Post(f.room.UUID, f.bob, text, "")
		await.Until(t, "the message on Matrix", func() bool { return slices.Contains(f.matrix.shown(), "Bob Stone: "+text) })
	}))
}

// A power cut after a delivery takes its record, and nothing is lost or duplicated.
func TestPowerCutAfterADelivery(t *testing.T) {
	t.Parallel()
	if dbtest.Enabled() {
		t.Skip("on PostgreSQL every commit waits")
	}
	f := settled(t)
	f.matrix.mu.Lock()
	batch, synced := f.matrix.batch, maps.Clone(f.matrix.synced)
	f.matrix.mu.Unlock()
	d := f.watchDisk()
	f.matrix.say(adminUser, "one")
	f.awaitRelayed("one")
	f.awaitEmpty()
	f.wazo.Post(f.room.UUID, f.bob, "two", "")
	f.awaitShown("Bob Stone: two")
	f.awaitEmpty()
	d.cutPower()
	f.matrix.mu.Lock()
	f.matrix.batch, f.matrix.synced = batch, synced // the older token is the one that is stored
	clear(f.matrix.byTxn)
	f.matrix.mu.Unlock()
	f.start()
	f.matrix.say(adminUser, "three")
	f.wazo.Post(f.room.UUID, f.bob, "four", "")
	f.awaitRelayed("one", "three")
	f.awaitShown("Bob Stone: two", "Bob Stone: four")
	f.awaitEmpty()
	require.Equal(t, []string{"one", "three"}, f.relayed())
}
