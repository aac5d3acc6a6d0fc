package bot

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	mxcommands "maunium.net/go/mautrix/commands"
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
	core := relay.New(relay.Config{CommandPrefix: "!wazo"}, database, account, api, zerolog.Nop())
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

func FuzzCommandParsing(f *testing.F) {
	for _, text := range []string{
		"!wazo", "!wazo help", "!WAZO  Link  a b", " !wazo link x", "!wazo\nlink\tx", "!wazo create Alice, Bob as “X”",
		"!wazo link --public x", "!wazo link x —public", "!wazo create as \"x\"", "!wazo create a as \"b\" as \"c\"", "!wazoo", "", "\x00", "!wazo \xff",
	} {
		f.Add(text)
	}
	c := &commands{Bot: &Bot{cfg: Config{CommandPrefix: "!wazo"}}}
	f.Fuzz(func(t *testing.T, text string) {
		ce := mxcommands.RawTextToEvent[*commands](t.Context(), &event.Event{}, text)
		fields := strings.Fields(text)
		taken := c.takePrefix(ce)
		if want := len(fields) > 0 && strings.EqualFold(fields[0], "!wazo"); taken != want {
			t.Fatalf("%q: taken %v, want %v", text, taken, want)
		}
		if taken {
			want := "help"
			if len(fields) > 1 {
				want = strings.ToLower(fields[1])
			}
			if ce.Command != want {
				t.Fatalf("%q: command %q, want %q", text, ce.Command, want)
			}
		}
		rest := publicFlag.ReplaceAllString(ce.RawArgs, " ")
		if !publicFlag.MatchString(ce.RawArgs) && rest != ce.RawArgs {
			t.Fatalf("%q: changed although there is no flag", text)
		}
		match := createArgs.FindStringSubmatch(strings.TrimSpace(rest))
		if len(match) != 3 {
			t.Fatalf("%q: the arguments of create do not match", text)
		} else if !strings.HasPrefix(strings.TrimSpace(rest), match[1]) {
			t.Fatalf("%q: people %q are not what was typed", text, match[1])
		}
	})
}
