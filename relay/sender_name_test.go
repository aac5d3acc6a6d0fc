package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
)

// aliasOf waits for a message on Wazo and returns its alias.
func (f *fixture) aliasOf(content string) (alias string) {
	f.Helper()
	await.Until(f, content+" on Wazo", func() bool {
		for _, m := range f.wazo.Messages(f.room.UUID) {
			if m.Content == content && m.Alias != nil {
				alias = *m.Alias
				return true
			}
		}
		return false
	})
	return alias
}

// TestAMessageKeepsTheNameOfItsSender: the name is that of the time when it was said, although it is delivered later.
func TestAMessageKeepsTheNameOfItsSender(t *testing.T) {
	t.Parallel()
	const bea, otherAda = id.UserID("@bea:a.example"), id.UserID("@ada:b.example")
	f := newFixture(t)
	f.keyWait = time.Minute
	f.contentFormat = "{{.Name}}: {{.Content}}"
	f.start()
	f.link()
	f.matrix.call(bea, "Bea", false)
	f.matrix.call(otherAda, "Ada", true)
	// Its key comes late, so all wait for it.
	locked := f.matrix.sayEncrypted(bea, "session")
	said := f.matrix.say(bea, "with typo")
	f.awaitRow(f.matrix.say(otherAda, "me too"))
	f.matrix.call(bea, "", false)
	f.matrix.call(otherAda, "Somebody else", false)
	f.edit(bea, said, "without")
	f.awaitRow(f.matrix.say(bea, "last"))
	f.matrix.giveKey(locked, "locked")
	f.core.KeyCame("session")
	assert.Equal(t, "Bea (Matrix)", f.aliasOf("Bea: locked"))
	assert.Equal(t, "Bea (Matrix)", f.aliasOf("Bea: without"))
	assert.Equal(t, "Ada (@ada:b.example) (Matrix)", f.aliasOf("Ada (@ada:b.example): me too"))
	assert.Equal(t, "bea (Matrix)", f.aliasOf("bea: last"), "the last one was said without name")
}

// TestASenderCannotChooseAName: what stands in the content is not what the bot noted.
func TestASenderCannotChooseAName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "hello", senderNameKey: map[string]any{"name": "The boss"},
	})
	assert.Equal(t, "Ada (Matrix)", f.aliasOf("hello"))
}

func TestPayloadsOfEarlierVersionsHaveNoName(t *testing.T) {
	t.Parallel()
	payload, err := storedEvent(&event.Event{ID: "$a", Type: event.EventMessage}, nil)
	require.NoError(t, err)
	assert.Nil(t, storedSenderName(payload))
	assert.Nil(t, storedSenderName("no JSON"))
	payload, err = storedEvent(&event.Event{ID: "$a", Type: event.EventMessage}, &SenderName{})
	require.NoError(t, err)
	assert.Equal(t, &SenderName{}, storedSenderName(payload), "no name is a name, too")
}
