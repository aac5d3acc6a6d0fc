package chaos

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestMessagesOfAMergedEventAreReadByThemselves(t *testing.T) {
	anna := wazotest.User{UUID: "11111111-a", Firstname: "Anna", Lastname: "Doe"}
	boris := wazotest.User{UUID: "22222222-b", Firstname: "Boris", Lastname: "Roe"}
	sam := wazotest.User{UUID: "33333333-c", Firstname: "Samwise", Lastname: "Gamgee"}
	p := &place{name: "here", authors: []wazotest.User{anna, boris, sam}}
	s := &fixture{logins: []*login{{name: "sam", account: sam}}}
	said := func(user wazotest.User, name, text string) convert.Said {
		return convert.Said{ID: user.UUID, Name: name, Content: text}
	}
	for _, test := range []struct {
		name string
		said []convert.Said
		want []string
	}{
		{"one message", []convert.Said{said(anna, "Anna Doe", "ok")}, []string{"author 1: ok"}},
		{"of one author", []convert.Said{said(boris, "Boris Roe", "1"), said(boris, "Boris Roe", "2")}, []string{"author 2: 1", "author 2: 2"}},
		{"of several authors", []convert.Said{said(boris, "Boris Roe", "1"), said(anna, "", "2"), said(boris, "", "3")}, []string{"author 2: 1", "author 1: 2", "author 2: 3"}},
		{"of somebody who has logged in", []convert.Said{said(anna, "Anna Doe", "1"), said(sam, "sam", "2")}, []string{"author 1: 1", "author 3: 2"}},
		{"of somebody who has logged in, by the name on Wazo", []convert.Said{said(anna, "Anna Doe", "1"), said(sam, "Samwise Gamgee", "2")}, []string{"author 1: 1", "author 3: 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want, got []string
			for _, key := range test.want {
				want = append(want, "here, Wazo to Matrix: "+key)
			}
			content, n := convert.Merge(test.said, 0)
			require.Equal(t, len(test.said), n)
			for _, shown := range s.shownBy(p, *content) {
				got = append(got, toMatrixKey(p, shown.author, shown.text))
			}
			require.Equal(t, want, got)
		})
	}
}

func TestHistoryOfAConversationIsRead(t *testing.T) {
	anna := wazotest.User{UUID: "11111111-a", Firstname: "Anna", Lastname: "Doe"}
	p := &place{name: "here", authors: []wazotest.User{anna}}
	past := func(text string) convert.Past {
		return convert.Past{Said: convert.Said{ID: anna.UUID, Name: "Anna Doe", Content: text}, At: words.Texts{}.PastTime(time.Now())}
	}
	content, n := convert.History([]convert.Past{past("1"), past("b (c): 2")}, 0)
	require.Equal(t, 2, n)
	require.True(t, isHistory(content))
	require.Equal(t, []shown{{anna.UUID, "Anna Doe", "1"}, {anna.UUID, "Anna Doe", "b (c): 2"}}, (&fixture{}).shownBy(p, *content))
	require.False(t, isHistory(&event.MessageEventContent{MsgType: event.MsgNotice, Body: "Relaying messages again."}))
}

func TestRoomsThatWereMadeAreKnown(t *testing.T) {
	made := newMadeRooms()
	answer := func(status int, body string) *http.Response {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}
	}
	marked := []byte(`{"initial_state":[{"type":"m.room.encryption","state_key":""},{"type":"io.wazo.relay.portal","state_key":"wazo"}]}`)
	require.NoError(t, made.note(marked, answer(http.StatusOK, `{"room_id":"!a"}`)))
	require.NoError(t, made.note(marked, answer(http.StatusTooManyRequests, `{}`)))
	require.NoError(t, made.note([]byte(`{"is_direct":true}`), answer(http.StatusOK, `{"room_id":"!direct"}`)))
	require.NoError(t, made.note(marked, answer(http.StatusOK, `{"room_id":"!b"}`)))
	require.Equal(t, []id.RoomID{"!a", "!b"}, made.of("wazo"))
	made.enter("!b")
	room, err := made.complete(t.Context(), "wazo", 1)
	require.NoError(t, err)
	require.EqualValues(t, "!b", room)
}

func TestWhoOnMatrixHasSaidWhatIsOnWazo(t *testing.T) {
	relay, sam, anna := wazotest.User{UUID: "relay"}, wazotest.User{UUID: "sam's"}, wazotest.User{UUID: "anna's"}
	s := &fixture{
		Stage: &stage.Stage{Cast: stage.Cast{Relay: relay}}, logins: []*login{{name: "sam", account: sam}},
		authors: &authors{written: map[string]bool{"typed in the app": true, "anna's": true}},
	}
	alias := func(name string) *string { return &name }
	for _, test := range []struct {
		name           string
		message        wazotest.Message
		who            string
		native, relays bool
	}{
		{"posted by the relay's account", wazotest.Message{UserUUID: relay.UUID, Alias: alias("robin (Matrix)")}, "robin", false, true},
		{"posted by the relay's account for somebody who has logged in", wazotest.Message{UserUUID: relay.UUID, Alias: alias("sam (Matrix)")}, "sam", false, true},
		{"posted by the sender's own account", wazotest.Message{UserUUID: sam.UUID, UUID: "posted"}, "sam", true, true},
		{"typed in Wazo's app by the same person", wazotest.Message{UserUUID: sam.UUID, UUID: "typed in the app"}, "", false, false},
		{"written by somebody on Wazo only", wazotest.Message{UserUUID: anna.UUID, UUID: "anna's"}, "", false, false},
		{"a notice of the relay's", wazotest.Message{UserUUID: relay.UUID}, "", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			who, native, relays := s.saidBy(test.message)
			require.Equal(t, test.who, who)
			require.Equal(t, test.native, native)
			require.Equal(t, test.relays, relays)
		})
	}
}
