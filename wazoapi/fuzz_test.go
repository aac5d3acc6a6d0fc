package wazoapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzParseFrame(f *testing.F) {
	var frames []json.RawMessage
	require.NoError(f, json.Unmarshal(testdata(f, "frames.json"), &frames))
	for _, frame := range frames {
		f.Add([]byte(frame))
	}
	for _, frame := range []string{``, `[]`, `null`, `{"op": 1}`, `{"op": "event"}`, `{"op": "event", "data": null}`, `{"op": "event", "data": {"name": "chatd_user_room_created", "data": []}}`} {
		f.Add([]byte(frame))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := parseFrame(data)
		if err != nil {
			require.Equal(t, event{}, ev)
			return
		}
		if ev.message != nil && (ev.message.UUID == "" || ev.message.Room == "" || ev.message.UserUUID == "" || ev.message.CreatedAt.IsZero()) {
			t.Fatalf("incomplete message: %+v", ev.message)
		}
		if ev.room != nil && ev.room.UUID == "" {
			t.Fatalf("room without uuid: %+v", ev.room)
		}
		if ev.plugin != nil && ev.plugin.unreadable == "" && !isComplete(*ev.plugin) {
			t.Fatalf("incomplete event of the plugin: %+v", ev.plugin)
		}
	})
}

func isComplete(ev pluginEvent) bool {
	if x := ev.reaction; x != nil {
		return ev.reply == nil && x.Room != "" && x.Message != "" && x.User != ""
	}
	return ev.reply != nil && ev.reply.Room != "" && ev.reply.Child != ""
}

func TestRecordedFrames(t *testing.T) {
	t.Parallel()
	var frames []json.RawMessage
	require.NoError(t, json.Unmarshal(testdata(t, "frames.json"), &frames))
	messages, rooms, starts := 0, 0, 0
	var plugin []pluginEvent
	for _, data := range frames {
		ev, err := parseFrame(data)
		require.NoError(t, err, "%s", data)
		if ev.message != nil {
			messages++
		}
		if ev.room != nil {
			rooms++
			assert.GreaterOrEqual(t, len(ev.room.Users), 2)
		}
		if ev.started {
			starts++
		}
		if ev.plugin != nil {
			plugin = append(plugin, *ev.plugin)
		}
	}
	assert.Equal(t, strings.Count(string(testdata(t, "frames.json")), `"name": "chatd_user_room_message_created"`), messages)
	assert.Equal(t, strings.Count(string(testdata(t, "frames.json")), `"name": "chatd_user_room_created"`), rooms)
	assert.Equal(t, strings.Count(string(testdata(t, "frames.json")), `"op": "start"`), starts)
	const room, message, bob = "21e6d371-243f-4894-8143-e8ab0c5f87d1", "ecc32a92-a5c6-41a3-8e28-f79073535be8", "8fe5931d-1002-44c3-9b26-c9ed82a5ea08"
	added := Reaction{Room: room, Message: message, User: bob, Emoji: "🚀", CreatedAt: time.Date(2026, 11, 21, 20, 14, 4, 358_021_000, time.UTC)}
	gone := added
	gone.CreatedAt = time.Time{}
	assert.Equal(t, []pluginEvent{{reaction: &added}, {reaction: &gone, removed: true}, {reply: &Reply{
		Room: room, Child: "ca1d81ce-c4db-4d43-a355-d4cdaec6b5b3", Parent: message,
		Preview: Preview{
			Content: "Hello from alice", Author: testUser, CreatedAt: time.Date(2026, 11, 21, 20, 13, 6, 130_007_000, time.UTC),
		},
		CreatedAt: time.Date(2026, 11, 21, 20, 14, 10, 207_415_000, time.UTC),
	}}}, plugin)
	assert.NotZero(t, messages*rooms*starts)
}

func FuzzMessage(f *testing.F) {
	var page struct {
		Items []json.RawMessage `json:"items"`
	}
	require.NoError(f, json.Unmarshal(testdata(f, "messages.json"), &page))
	for _, item := range page.Items {
		f.Add([]byte(item))
	}
	f.Add([]byte(`{"uuid": "m", "content": "\ud800", "user_uuid": "u", "created_at": "2026-11-21T19:26:09-23:59", "room": {"uuid": "r"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Message
		if json.Unmarshal(data, &m) != nil || m == (Message{}) { // null is no error for encoding/json
			return
		}
		if !utf8.ValidString(m.Content) || !utf8.ValidString(m.Alias) {
			t.Fatalf("not UTF-8: %+v", m)
		}
		if strings.ToLower(string(m.UUID)) != string(m.UUID) {
			t.Fatalf("uuid not in lower case: %+v", m)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, rec := range recordedErrors(f) {
		f.Add(rec.Status, []byte(withToken(string(rec.wire(f)), secretToken)))
	}
	f.Add(401, []byte(`{"message": ["`+secretToken+`"], "details": {"`+secretToken+`": {"a": [["`+secretToken+`"]]}}}`))
	f.Add(401, []byte(`{"details": {"reason": "two\nlines"}, "error_id": "three\r\nlines"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := newError(request{method: "GET", service: serviceChatd, path: "/x", token: secretToken}, status, http.Header{}, body)
		if e.Message == "" && !json.Valid(body) {
			t.Fatal("no message")
		}
		if text := fmt.Sprintf("%v %v", e, e.Details); strings.Contains(text, secretToken) {
			t.Fatalf("the token is in %q", text)
		}
		if strings.ContainsAny(e.Error(), "\r\n") {
			t.Fatalf("more than one line: %q", e.Error())
		}
	})
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\x00b", "\xed\xa0\x80", "ok"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("chatd cannot store %q", got)
		}
		if Clean(got) != got {
			t.Fatalf("cleaning %q twice gives something else", s)
		}
		if utf8.ValidString(s) && got != strings.ReplaceAll(s, "\x00", "") {
			t.Fatalf("%q lost more than NUL: %q", s, got)
		}
	})
}

// FuzzParseHook reads what anybody may send who knows the address of a webhook.
func FuzzParseHook(f *testing.F) {
	var frames []struct {
		Data json.RawMessage `json:"data"`
	}
	require.NoError(f, json.Unmarshal(testdata(f, "frames.json"), &frames))
	for _, frame := range frames {
		f.Add([]byte(frame.Data))
	}
	for _, body := range []string{``, `[]`, `null`, `{"name": 1}`, `{"name": "x", "wazo": [], "data": null}`, `{"name": "chatd_user_room_created", "data": []}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ev, _, err := parseHook(body)
		if err != nil {
			require.Equal(t, event{}, ev)
		}
		if ev.message != nil {
			require.NotEmpty(t, ev.message.UUID)
		}
	})
}
