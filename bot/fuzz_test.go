package bot

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/wazoapi"
)

func FuzzParseEvent(f *testing.F) {
	for _, raw := range malformedEvents {
		if len(raw) < 1000 {
			f.Add([]byte(strings.ReplaceAll(raw, "%ID%", "$id")))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		evt, err := parseEvent(raw, roomID)
		switch {
		case evt == nil:
			t.Fatal("no event")
		case evt.RoomID != roomID:
			t.Fatalf("an event claims to be of room %q", evt.RoomID)
		case err == nil && (evt.ID == "" || evt.Sender == "" || evt.Content.Raw == nil):
			t.Fatal("an event without id, sender or content counts as well-formed")
		case err == nil:
			// The core stores it: it must come back as it was.
			data, err := json.Marshal(evt)
			if err != nil {
				t.Fatalf("a well-formed event cannot be stored: %v", err)
			}
			var back event.Event
			if err = json.Unmarshal(data, &back); err != nil {
				t.Fatalf("a stored event cannot be read: %v", err)
			} else if back.ID != evt.ID || back.Sender != evt.Sender || back.Type.Type != evt.Type.Type {
				t.Fatalf("stored %+v, read %+v", evt, back)
			}
		}
	})
}

// FuzzReceiveEvent lets everything that may happen to an event on its way in happen, but for the homeserver's part.
func FuzzReceiveEvent(f *testing.F) {
	for _, raw := range malformedEvents {
		if len(raw) < 1000 {
			f.Add([]byte(strings.ReplaceAll(raw, "%ID%", "$id")))
		}
	}
	database, err := db.Open(context.Background(), filepath.Join(f.TempDir(), "relay.db"), "key", zerolog.Nop())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = database.Close() })
	homeserver := newFakeHomeserver(&testing.T{})
	f.Cleanup(func() {
		close(homeserver.stopped)
		homeserver.web.Close()
	})
	wazo, err := wazoapi.New(wazoapi.Config{URL: "http://127.0.0.1:1"}, zerolog.Nop()) // never asked
	if err != nil {
		f.Fatal(err)
	}
	account := &db.Account{}
	api := wazo.Account(wazoapi.Credentials{}, &relay.TokenStore{DB: database, Account: account})
	core := relay.New(relay.Config{CommandPrefix: "!wazo"}, database, account, wazo, api, zerolog.Nop())
	b := New(Config{UserID: botUser, HomeserverURL: homeserver.web.URL, Password: botPassword, CommandPrefix: "!wazo"}, database, core, zerolog.Nop())
	if err = b.Login(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(b.client.Client.CloseIdleConnections)
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, live := range []bool{true, false} {
			got := b.receiver.receiveEvent(t.Context(), raw, roomID, live)
			if got.Event == nil {
				t.Fatal("no event")
			} else if got.ParseError != nil && string(got.Raw) != string(raw) {
				t.Fatal("a broken event is not kept as it came")
			}
		}
	})
}
