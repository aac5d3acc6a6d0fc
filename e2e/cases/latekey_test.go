package cases

import (
	"fmt"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/relay/words"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// keyWait is how long the relay holds a room for a missing key.
const keyWait = 10 * time.Second

// A key that was not given is asked for again by "retry", and by each start.
func TestKeyThatIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("by a restart %t", restart), func(t *testing.T) {
			t.Parallel()
			testKeyThatIsAskedForAgain(t, restart)
		})
	}
}

func testKeyThatIsAskedForAgain(t *testing.T, restart bool) {
	s := open(t, withMautrix(), stage.Config{})
	ally := s.person(t, "ally", harness.Encrypted)
	p := s.link(t, harness.RoomOptions{Encrypted: true, Invite: []id.UserID{ally.UserID()}})
	s.join(t, ally, p.Matrix)
	p.requireTalk(t)

	require.NoError(t, ally.ShareKeyOnlyWith(s.ctx, p.Matrix, s.Robin.UserID()))
	const text = "nobody told the relay the key"
	sent, err := ally.Send(s.ctx, p.Matrix, text)
	require.NoError(t, err)
	entry, err := s.Robin.WaitEvent(s.ctx, p.Matrix, harness.All(harness.HasID(sent), harness.Says(text)))
	require.NoError(t, err)

	// What others say goes on after a while, and the sender is told.
	start, next := time.Now(), s.someWords()
	_, err = s.Robin.Send(s.ctx, p.Matrix, next)
	require.NoError(t, err)
	p.waitOnWazo(t, next)
	require.Greater(t, time.Since(start), keyWait/2, "the key is waited for")
	require.Contains(t, p.reply(t, s.Robin, p.Matrix, sent), "I could not decrypt it. If its key reaches me within 7 days")
	require.Contains(t, p.ask(t, s.Robin, p.Matrix, "!wazo status"), "waiting for a key: 1")

	if restart {
		require.NoError(t, s.Relay.Stop())
		ally.GiveRequestedKeys()
		require.NoError(t, s.Relay.Restart(s.ctx))
	} else {
		ally.GiveRequestedKeys()
		require.Equal(t, "Trying to deliver 1 message again.", p.ask(t, s.Robin, p.Matrix, "!wazo retry"))
	}
	late := p.waitOnWazo(t, text)
	require.Equal(t, words.New("!wazo").Late(time.UnixMilli(entry.Timestamp))+"\n\n"+text, late.Content)
	require.NotContains(t, p.ask(t, s.Robin, p.Matrix, "!wazo status"), "waiting for a key")

	// With the key there, nothing is late any more.
	again := s.someWords()
	_, err = ally.Send(s.ctx, p.Matrix, again)
	require.NoError(t, err)
	require.Equal(t, again, p.waitOnWazo(t, again).Content)
	s.requireNoTextInLog(t, text, next)
}
