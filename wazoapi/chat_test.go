package wazoapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMessageFromJSON(t *testing.T) {
	t.Parallel()
	full := Message{
		UUID: "54fe0450-05b4-4683-a3f3-5400d0d3804e", Content: "hi", Alias: "Bobby",
		UserUUID: testUser, TenantUUID: "t", WazoUUID: "w", Room: testRoom,
		CreatedAt: time.Date(2026, 11, 21, 19, 26, 9, 690_001_000, time.UTC),
	}
	const ids = `"uuid": "54fe0450-05b4-4683-a3f3-5400d0d3804e", "content": "hi", "user_uuid": "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77", "tenant_uuid": "t", "wazo_uuid": "w", "room": {"uuid": "528a4665-a623-4ad8-bacc-2f59736b6bdd"}`
	with := func(change func(*Message)) Message { m := full; change(&m); return m }
	noAlias := with(func(m *Message) { m.Alias = "" })
	wholeSecond := with(func(m *Message) { m.Alias = ""; m.CreatedAt = m.CreatedAt.Truncate(time.Second) })
	for _, tt := range []struct {
		name, json string
		want       Message
		wantErr    string
	}{
		{name: "all keys", json: `{` + ids + `, "alias": "Bobby", "delivery": {"type": "internal", "backend": null, "recipients": []}, "created_at": "2026-11-21T19:26:09.690001+00:00"}`, want: full},
		{name: "a null alias and no delivery", json: `{` + ids + `, "alias": null, "created_at": "2026-11-21T19:26:09.690001+00:00"}`, want: noAlias},
		{name: "unknown keys", json: `{` + ids + `, "edited": true, "kind": {"a": []}, "created_at": "2026-11-21T19:26:09.690001Z"}`, want: noAlias},
		{name: "another offset", json: `{` + ids + `, "created_at": "2026-11-21T14:26:09.690001-05:00"}`, want: noAlias},
		{name: "an offset without colon", json: `{` + ids + `, "created_at": "2026-11-21T14:26:09.690001-0500"}`, want: noAlias},
		{name: "no offset", json: `{` + ids + `, "created_at": "2026-11-21T19:26:09.690001"}`, want: noAlias},
		{name: "nanoseconds are cut", json: `{` + ids + `, "created_at": "2026-11-21T19:26:09.690001999+00:00"}`, want: noAlias},
		{name: "no fraction", json: `{` + ids + `, "created_at": "2026-11-21T19:26:09+00:00"}`, want: wholeSecond},
		{name: "uuids in capitals", json: strings.ReplaceAll(`{`+ids+`, "created_at": "2026-11-21T19:26:09+00:00"}`, "a623-4ad8-bacc", "A623-4AD8-BACC"), want: wholeSecond},
		{name: "no uuid", json: `{"user_uuid": "u", "created_at": "2026-11-21T19:26:09Z", "room": {"uuid": "r"}}`, wantErr: "without uuid"},
		{name: "no author", json: `{"uuid": "m", "created_at": "2026-11-21T19:26:09Z", "room": {"uuid": "r"}}`, wantErr: "without author"},
		{name: "no time", json: `{"uuid": "m", "user_uuid": "u", "created_at": null, "room": {"uuid": "r"}}`, wantErr: "without time"},
		{name: "no room", json: `{"uuid": "m", "user_uuid": "u", "created_at": "2026-11-21T19:26:09Z"}`, wantErr: "without room"},
		{name: "a number as time", json: `{` + ids + `, "created_at": 1795288929}`, wantErr: "is not a time"},
		{name: "a date as time", json: `{` + ids + `, "created_at": "2026-11-21"}`, wantErr: "is not a time"},
		{name: "a number as content", json: `{"content": 5}`, wantErr: "content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got Message
			err := json.Unmarshal([]byte(tt.json), &got)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestPostMessage(t *testing.T) {
	t.Parallel()
	const answer = `{"uuid": "54fe0450-05b4-4683-a3f3-5400d0d3804e", "content": "c", "alias": null, "user_uuid": "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77", "created_at": "2026-11-21T19:42:33.335242+00:00", "room": {"uuid": "528a4665-a623-4ad8-bacc-2f59736b6bdd"}}`
	for _, tt := range []struct {
		name     string
		draft    Draft
		status   int
		answer   string
		wantBody string
		wantErr  string
		unknown  bool
	}{
		{name: "content and alias", draft: Draft{Content: "hi", Alias: "Alice (Matrix)"}, status: 201, answer: answer, wantBody: `{"content":"hi","alias":"Alice (Matrix)"}`},
		{name: "an empty alias is left out", draft: Draft{Content: "hi"}, status: 201, answer: answer, wantBody: `{"content":"hi"}`},
		{name: "an empty content is sent", draft: Draft{}, status: 201, answer: answer, wantBody: `{"content":""}`},
		{name: "HTML is not made longer", draft: Draft{Content: "<b>&</b>"}, status: 201, answer: answer, wantBody: `{"content":"<b>&</b>"}`},
		{name: "accepted for outside delivery", draft: Draft{Content: "hi", Identity: "i"}, status: 202, answer: answer, wantBody: `{"content":"hi","sender_identity_uuid":"i"}`},
		{name: "a 500 without body may be stored", draft: Draft{Content: "hi"}, status: 500, wantBody: `{"content":"hi"}`, wantErr: "500: Internal Server Error (empty answer)", unknown: true},
		{name: "a 413 of nginx is not stored", draft: Draft{Content: "hi"}, status: 413, answer: "<html>", wantBody: `{"content":"hi"}`, wantErr: "413: Request Entity Too Large (HTML page)"},
		{name: "a 502 of nginx may be stored", draft: Draft{Content: "hi"}, status: 502, answer: "<html>", wantBody: `{"content":"hi"}`, wantErr: "502: Bad Gateway (HTML page)", unknown: true},
		{name: "an unknown room", draft: Draft{Content: "hi"}, status: 404, answer: `{"message": "No such room", "error_id": "unknown-room"}`, wantBody: `{"content":"hi"}`, wantErr: "unknown-room"},
		{name: "a success without message may be stored", draft: Draft{Content: "hi"}, status: 201, answer: `{}`, wantBody: `{"content":"hi"}`, wantErr: "without uuid", unknown: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeWazo(t)
			calls := 0
			f.handle("POST /api/chatd/1.0/users/me/rooms/"+string(testRoom)+"/messages", func(w http.ResponseWriter, r *http.Request) {
				calls++
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, tt.wantBody, strings.TrimSpace(string(body)))
				answerJSON(w, tt.status, tt.answer)
			})
			message, err := f.account().PostMessage(t.Context(), testRoom, tt.draft)
			assert.Equal(t, 1, calls, "a POST is never repeated")
			assert.Equal(t, tt.unknown, OutcomeUnknown(err))
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, UUID("54fe0450-05b4-4683-a3f3-5400d0d3804e"), message.UUID)
		})
	}
}

func TestRoomsThatAreNotUUIDsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	a := f.account()
	for _, room := range []UUID{"", "..", "x", testRoom + "/x", UUID(strings.ToUpper(string(testRoom)))} {
		_, err := a.PostMessage(t.Context(), room, Draft{Content: "x"})
		require.ErrorIs(t, err, ErrInvalidUUID)
		_, err = a.Messages(t.Context(), room, MessageQuery{})
		require.ErrorIs(t, err, ErrInvalidUUID)
	}
	_, err := a.CreateRoom(t.Context(), "", []UUID{testUser, ""})
	require.ErrorIs(t, err, ErrInvalidUUID)
	logins, _ := f.counts()
	assert.Zero(t, logins)
}

func TestMessageQueries(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 21, 14, 24, 18, 832_213_000, time.FixedZone("", -5*3600))
	const room = "/api/chatd/1.0/users/me/rooms/" + string(testRoom) + "/messages"
	const all = "/api/chatd/1.0/users/me/rooms/messages"
	for _, tt := range []struct {
		name string
		ask  func(a *Account) (MessagePage, error)
		path string
		want string
	}{
		{
			name: "nothing asked for", path: room, want: "",
			ask: func(a *Account) (MessagePage, error) { return a.Messages(t.Context(), testRoom, MessageQuery{}) },
		},
		{
			name: "everything asked for", path: room,
			want: "direction=asc&from_date=2026-11-21T19%3A24%3A18.832213%2B00%3A00&limit=50&offset=100&search=caf%C3%A9+%2B+bar",
			ask: func(a *Account) (MessagePage, error) {
				return a.Messages(t.Context(), testRoom, MessageQuery{From: from, Direction: Ascending, Limit: 50, Offset: 100, Search: "café + bar"})
			},
		},
		{
			name: "a search in all rooms", path: all, want: "search=x",
			ask: func(a *Account) (MessagePage, error) {
				return a.SearchMessages(t.Context(), MessageQuery{Search: "x"})
			},
		},
		{
			name: "the newest of each room", path: all, want: "distinct=room_uuid",
			ask: func(a *Account) (MessagePage, error) {
				items, err := a.LatestMessages(t.Context())
				return MessagePage{Items: items, Filtered: 6, Total: 6}, err
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeWazo(t)
			var got *url.URL
			f.handle("GET "+tt.path, func(w http.ResponseWriter, r *http.Request) {
				got = r.URL
				answerJSON(w, 200, string(testdata(t, "messages.json")))
			})
			page, err := tt.ask(f.account())
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.RawQuery)
			require.Len(t, page.Items, 6, "the recorded page")
			assert.Equal(t, 6, page.Total)
			assert.Equal(t, 6, page.Filtered)
			for i, m := range page.Items {
				assert.True(t, m.UUID.Valid() && m.Room.Valid() && m.UserUUID.Valid(), "%+v", m)
				assert.Equal(t, time.UTC, m.CreatedAt.Location())
				assert.True(t, i == 0 || !m.CreatedAt.After(page.Items[i-1].CreatedAt), "newest first")
			}
		})
	}
}

func TestRooms(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	var query url.Values
	f.handle("GET /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query()
		answerJSON(w, 200, string(testdata(t, "rooms.json")))
	})
	a := f.account()
	rooms, err := a.Rooms(t.Context())
	require.NoError(t, err)
	assert.Empty(t, query)
	require.NotEmpty(t, rooms)
	for _, room := range rooms {
		assert.True(t, room.UUID.Valid())
		assert.True(t, room.Has(testUser))
		assert.False(t, room.Has("00000000-0000-4000-8000-000000000000"))
		assert.False(t, room.HasIdentities())
	}
	_, err = a.Rooms(t.Context(), "u1", "u2")
	require.NoError(t, err)
	assert.Equal(t, url.Values{"user_uuid": {"u1,u2"}}, query)
}

func TestCreateRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, room, wantBody, answer, wantErr string
	}{
		{name: "a room with a name", room: "Project X", wantBody: `{"name":"Project X","users":[{"uuid":"u1"},{"uuid":"u2"}]}`, answer: `{"uuid": "R", "name": "Old name", "users": [{"uuid": "U1"}, {"uuid": "u2"}]}`},
		{name: "a room without name", wantBody: `{"users":[{"uuid":"u1"},{"uuid":"u2"}]}`, answer: `{"uuid": "R", "name": null, "users": [{"uuid": "u1", "identity": "+15550100"}]}`},
		{name: "an answer without room", wantBody: `{"users":[{"uuid":"u1"},{"uuid":"u2"}]}`, answer: `{}`, wantErr: "no uuid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeWazo(t)
			f.handle("POST /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.JSONEq(t, tt.wantBody, string(body))
				answerJSON(w, 201, tt.answer)
			})
			room, err := f.account().CreateRoom(t.Context(), tt.room, []UUID{"u1", "u2"})
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				assert.True(t, OutcomeUnknown(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, UUID("r"), room.UUID)
			assert.True(t, room.Has("u1"))
			assert.Equal(t, strings.Contains(tt.answer, "identity"), room.HasIdentities())
		})
	}
}

func TestSameMembers(t *testing.T) {
	t.Parallel()
	room := Room{Users: []RoomUser{{UUID: "a"}, {UUID: "b"}, {UUID: "c"}}}
	for _, tt := range []struct {
		name  string
		users []UUID
		want  bool
	}{
		{"the same in another order", []UUID{"c", "a", "b"}, true},
		{"one of them twice", []UUID{"c", "a", "b", "a"}, true},
		{"a bigger room than asked for, as before 24.05", []UUID{"a", "b"}, false},
		{"a smaller room than asked for", []UUID{"a", "b", "c", "d"}, false},
		{"another member", []UUID{"a", "b", "d"}, false},
		{"nobody", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, room.SameMembers(tt.users)) })
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"NUL is removed", "a\x00b", "ab"},
		{"an encoded surrogate is replaced", "a\xed\xa0\x80b", "a\uFFFDb"},
		{"invalid UTF-8 is replaced", "a\xffb", "a\uFFFDb"},
		{"other control characters stay", "a\x01\x1b\r\n\tb\x7f", "a\x01\x1b\r\n\tb\x7f"},
		{"emoji and other scripts stay", "👩‍👩‍👧 שלום", "👩‍👩‍👧 שלום"},
		{"a replacement character stays", "\uFFFD", "\uFFFD"},
		{"nothing stays nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, Clean(tt.in)) })
	}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, testUser, NewUUID(" FCEC80E5-d5c0-4a0b-b5b2-9dcb254a3e77\n"))
	assert.True(t, testUser.Valid())
	for _, bad := range []UUID{"", "x", testUser + "0", testUser[:35], "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e7G", "fcec80e5ad5c0-4a0b-b5b2-9dcb254a3e77"} {
		assert.False(t, bad.Valid(), "%q", bad)
	}
}

func TestStoredMessageReadsLikeAReceivedOne(t *testing.T) {
	t.Parallel()
	want := Message{
		UUID: "a655c407-6227-4aeb-8622-48ecd01beac7", Content: "hi \u2028 <b>", Alias: "Al", UserUUID: "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77",
		TenantUUID: "64d26dd8-ec82-45b8-bfa6-8c7e9dd3aa73", WazoUUID: "6e9ff4e5-1d1c-4f5c-9a3e-0a2f5d4b7c11",
		CreatedAt: time.Date(2026, 11, 21, 19, 24, 17, 986098000, time.UTC), Room: "528a4665-a623-4ad8-bacc-2f59736b6bdd",
	}
	data, err := json.Marshal(want)
	require.NoError(t, err)
	var got Message
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, want, got)
}
