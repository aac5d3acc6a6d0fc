package relay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// What tests of the plugin for reactions and replies share.

// newPluginFixture returns a running fixture with a linked room, on a Wazo with the plugin for reactions and replies.
// It is changed before it is started.
func newPluginFixture(t *testing.T, set ...func(*fixture)) *fixture {
	t.Helper()
	f := newFixture(t, wazotest.WithPlugin())
	for _, change := range set {
		change(f)
	}
	f.start()
	f.link()
	return f
}

// marksTake lets messages of Wazo wait that long to be marked as replies.
func marksTake(wait time.Duration) func(*fixture) {
	return func(f *fixture) { f.replyWait = wait }
}

// postShown posts a message on Wazo and waits until it is shown.
func (f *fixture) postShown(by wazotest.User, text string) wazotest.Message {
	f.Helper()
	posted := f.wazo.Post(f.room.UUID, by, text, "")
	await.Until(f, fmt.Sprintf("%q on Matrix", text), func() bool {
		return slices.ContainsFunc(f.matrix.shown(), func(s string) bool { return strings.HasSuffix(s, ": "+text) })
	})
	return posted
}

// postAtOnce posts a message and marks it as a reply to itself, so that it does not wait, and waits until it is shown.
func (f *fixture) postAtOnce(by wazotest.User, text string) wazotest.Message {
	f.Helper()
	posted := f.wazo.Post(f.room.UUID, by, text, "")
	f.wazo.MarkReply(f.room.UUID, posted.UUID, posted.UUID, by)
	f.awaitContent(text)
	return posted
}

// awaitContent waits until an event of Wazo ends in a text, and returns its content.
func (f *fixture) awaitContent(text string) *event.MessageEventContent {
	f.Helper()
	content := &event.MessageEventContent{}
	await.Until(f, fmt.Sprintf("%q on Matrix", text), func() bool {
		f.matrix.mu.Lock()
		defer f.matrix.mu.Unlock()
		for _, evt := range f.matrix.rooms[roomID] {
			if evt.Tag != nil && evt.Tag.Kind == TagMessage && strings.HasSuffix(bodyOf(evt.Content.VeryRaw), text) {
				return json.Unmarshal(evt.Content.VeryRaw, content) == nil
			}
		}
		return false
	})
	return content
}

// replyOnWazo posts a reply on Wazo as a native client does.
func (f *fixture) replyOnWazo(by wazotest.User, text, parent string) wazotest.Message {
	posted := f.wazo.Post(f.room.UUID, by, text, "")
	f.wazo.MarkReply(f.room.UUID, posted.UUID, parent, by)
	return posted
}

// settled waits until nothing that relates to messages is being looked at.
func (f *fixture) settled() {
	f.Helper()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	await.Until(f, "an end of the work", func() bool { return !f.core.tasks.IsBusy(portalJob(jobRelations, portal.ID)) })
}

// awaitMessage waits until a text is on Wazo, and returns the message.
func (f *fixture) awaitMessage(text string) (found wazotest.Message) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q on Wazo", text), func() bool {
		for _, m := range f.wazo.Messages(f.room.UUID) {
			if strings.Contains(m.Content, text) {
				found = m
			}
		}
		return found.UUID != ""
	})
	return found
}

// eventOf returns the event that shows a text of Wazo.
func (f *fixture) eventOf(text string) id.EventID {
	f.Helper()
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	for _, evt := range f.matrix.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagMessage && strings.HasSuffix(bodyOf(evt.Content.VeryRaw), text) {
			return evt.ID
		}
	}
	f.Errorf("no event shows %q", text)
	return ""
}

// corrected returns the bodies of the edits of what the bot has shown.
func (f *fakeMatrix) corrected() (bodies []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, evt := range f.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagEdit {
			bodies = append(bodies, bodyOf(evt.Content.VeryRaw))
		}
	}
	return bodies
}
