package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// newHelloFixture returns a running fixture with a linked room, in which "hello" was relayed and nothing waits. It is
// changed before it is started.
func newHelloFixture(t *testing.T, set ...func(*fixture)) *fixture {
	t.Helper()
	f := newFixture(t)
	for _, change := range set {
		change(f)
	}
	f.start()
	f.link()
	f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.awaitEmpty()
	return f
}

// awaitParked waits until a message of Matrix is set aside.
func (f *fixture) awaitParked(message id.EventID) {
	f.Helper()
	await.Until(f, "a message that is set aside", func() bool {
		row, err := f.db.Queue.BySource(f.ctx, 1, db.ToWazo, message.String())
		return err == nil && row != nil && row.State == db.StateParked
	})
}

func TestEditTakesThePlaceOfAMessageThatWasSetAside(t *testing.T) {
	t.Parallel()
	refusal := wazotest.Answer{Status: 400, Body: "{}"}
	for _, withoutEdits := range []bool{false, true} {
		f := newHelloFixture(t, func(f *fixture) { f.relations.WithoutEdits = withoutEdits })
		f.wazo.Faults().RefusePost(refusal, wazotest.Times(1))
		parked := f.matrix.say(adminUser, "a tpyo")
		f.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyWazoRefused)))
		f.awaitParked(parked)
		f.matrix.say(bea, "meanwhile")
		f.awaitRelayed("hello", "meanwhile")
		f.edit(bea, parked, "of somebody else")
		f.matrix.setPaused(true)
		f.edit(adminUser, parked, "still a tpyo")
		f.edit(adminUser, parked, "a typo")
		f.matrix.setPaused(false)
		if withoutEdits {
			f.awaitRelayed("hello", "meanwhile", "a typo")
		} else {
			f.awaitRelayed("hello", "meanwhile", "✏️ of somebody else", "a typo")
		}
		f.awaitEmpty()
	}
}

func TestEditThatIsRefusedWithItsMessageIsSetAsideOnce(t *testing.T) {
	t.Parallel()
	f := newHelloFixture(t)
	refused := f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(2))
	parked := f.matrix.say(adminUser, "one")
	f.awaitParked(parked)
	edit := f.edit(adminUser, parked, "two")
	await.Until(t, "another try", func() bool { return refused.Fired() == 2 })
	f.awaitGone(edit)
	f.awaitParked(parked)
	f.edit(adminUser, parked, "three")
	f.awaitRelayed("hello", "three")
	f.awaitEmpty()
}

// An edit may be accepted before its message is refused.
func TestEditWaitsForWhatBecomesOfItsMessage(t *testing.T) {
	t.Parallel()
	f := newHelloFixture(t)
	slow := f.wazo.Faults().DelayAnswers(300*time.Millisecond, wazotest.Always())
	refused := f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(1))
	message := f.matrix.say(adminUser, "one")
	await.Until(t, "an attempt", func() bool {
		row, err := f.db.Queue.BySource(f.ctx, 1, db.ToWazo, message.String())
		return err == nil && row != nil && row.HasRequest()
	})
	f.awaitRow(f.edit(adminUser, message, "two"))
	slow.Off()
	f.awaitRelayed("hello", "two")
	f.awaitEmpty()
	require.Equal(t, 1, refused.Fired())
}

// A message that was set aside may be on Wazo: then its edit says what has changed.
func TestEditOfAMessageThatWasSetAsideAndDelivered(t *testing.T) {
	t.Parallel()
	f := newHelloFixture(t)
	f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(1))
	parked := f.matrix.say(adminUser, "one")
	f.awaitParked(parked)
	f.wazo.Post(f.room.UUID, f.relay, "one", "Ada (Matrix)") // it was stored late
	f.edit(adminUser, parked, "two")
	f.awaitRelayed("hello", "one", "✏️ two")
	f.awaitEmpty()
}
