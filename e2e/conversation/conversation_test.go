package conversation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

func TestMessageIsShownInTheSameWayEachTime(t *testing.T) {
	profile := &event.BeeperPerMessageProfile{ID: "alice", Displayname: "Alice Martin"}
	message := &event.MessageEventContent{MsgType: event.MsgText, Body: "hello", BeeperPerMessageProfile: profile}
	message.AddPerMessageProfileFallback()
	require.Equal(t, "Alice Martin: hello", message.Body)
	evt := &event.Event{Type: event.EventMessage, Content: event.Content{Parsed: message}}
	for range 2 {
		who, content := OnMatrixClient(evt)
		require.Equal(t, "Alice Martin", who)
		require.Equal(t, "hello", content.Body)
	}
	require.Equal(t, "Alice Martin: hello", message.Body)
}
