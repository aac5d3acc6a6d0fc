package cases

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

// Characters that each encoding writes in another way.
const oddPassword = `S3cret pä/ss+w&rd="<%>"\`

// What people log in with is nowhere afterwards: neither in the database nor in the log, the chats or what the relay
// tells about itself.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name  string
		page  bool
		logIn func(*portal, *testing.T, wazotest.User)
	}{{"the page", true, (*portal).logInByPage}, {"the dialogue", false, (*portal).logInByDialogue}} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			cfg := stage.Config{Env: map[string]string{"LOG_LEVEL": "trace"}}
			if way.page {
				require.NoError(t, stage.WithPage(cfg.Env))
			}
			s := open(t, withMautrix(), cfg)
			p, _ := s.ownPortal(t, false)
			own := s.Wazo.AddUser(wazotest.User{Username: "odd", Password: oddPassword, Firstname: "Odd", Lastname: "Person", Tenant: s.Cast.Alice.Tenant})
			chat := s.Wazo.CreateRoom("Odd", own, s.Cast.Alice)
			secrets := []string{oddPassword, own.Username + ":" + oddPassword, s.Cast.Relay.Password, s.Cast.Relay.Username + ":" + s.Cast.Relay.Password}
			way.logIn(p, t, own)
			s.Wazo.Post(chat.UUID, s.Cast.Alice, "hello", "")
			room, err := s.Robin.WaitInvite(s.ctx, s.BotID())
			require.NoError(t, err)
			require.NoError(t, s.Robin.Join(s.ctx, room))
			_, err = s.Robin.Send(s.ctx, room, "hello yourself")
			require.NoError(t, err)
			_, err = s.Wazo.WaitMessage(s.ctx, chat.UUID, func(m wazotest.Message) bool { return m.UserUUID == own.UUID })
			require.NoError(t, err)
			tokens := append(s.Wazo.TokensOf(own), s.Wazo.TokensOf(s.Cast.Relay)...)
			require.GreaterOrEqual(t, len(tokens), 3, "the relay's access token, and both tokens of the person")
			secrets = append(secrets, tokens...)
			secrets = append(secrets, s.Relay.Getenv("MATRIX_PASSWORD"), s.Relay.Getenv("SECRET_KEY"))

			places := s.written(t, p.Matrix, p.direct, room)
			require.Contains(t, places["relay.db"]+places["relay.db-wal"], own.UUID, "the log-in is there")
			require.NoError(t, s.Relay.Restart(s.ctx)) // it logs in again, by the refresh token
			require.Contains(t, s.ask(t, s.Robin, p.Matrix, "!wazo logout"), "logged out")
			require.NoError(t, s.Relay.Stop())
			for name, text := range s.written(t, p.Matrix, p.direct, room) {
				places["later: "+name] = text
			}
			for name, text := range places {
				for _, secret := range secrets {
					for encoding, encoded := range encodings(secret) {
						require.NotContains(t, text, encoded, "%s has a secret, %s", name, encoding)
					}
				}
			}
		})
	}
}

// written is what the relay has written, by where it stands.
func (s *fixture) written(t *testing.T, rooms ...id.RoomID) map[string]string {
	t.Helper()
	places := make(map[string]string)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.Relay.LogFile()), "*"))
	require.NoError(t, err)
	for _, file := range append(files, s.databaseFiles(t)...) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		places[filepath.Base(file)] = string(content)
	}
	require.Contains(t, places, "relay.db")
	require.Contains(t, places["relay.log"], `"level":"trace"`)
	for _, room := range rooms {
		if room == "" {
			continue
		}
		history, err := s.Robin.History(s.ctx, room)
		require.NoError(t, err)
		require.NotEmpty(t, history)
		for _, evt := range history {
			content, err := json.Marshal(evt)
			require.NoError(t, err)
			places[room.String()] += string(content) + "\n"
		}
	}
	if resp, err := http.Get(s.Relay.AdminURL() + "/readyz"); err == nil { // the relay may have been stopped
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		places["readyz"] = string(body)
	}
	return places
}

// encodings are the ways in which a secret may be written.
func encodings(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err) // a text can be encoded
	}
	twice, err := json.Marshal(strings.Trim(string(quoted), `"`))
	if err != nil {
		panic(err)
	}
	return map[string]string{
		"plain":           secret,
		"as JSON":         string(quoted[1 : len(quoted)-1]),
		"as JSON in JSON": string(twice[1 : len(twice)-1]),
		"in base64":       base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"in URL base64":   base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"as a query":      url.QueryEscape(secret),
		"as a path":       url.PathEscape(secret),
		"in hex":          hex.EncodeToString([]byte(secret)),
		"quoted by Go":    strings.Trim(fmt.Sprintf("%q", secret), `"`),
	}
}

// A search that finds nothing proves something only if it would find what is there.
func TestSearchForSecretsFindsThem(t *testing.T) {
	t.Parallel()
	request := url.Values{"password": {oddPassword}}.Encode()
	require.Contains(t, request, encodings(oddPassword)["as a query"])
	body, err := json.Marshal(map[string]string{"password": oddPassword})
	require.NoError(t, err)
	require.Contains(t, string(body), encodings(oddPassword)["as JSON"])
	logged, err := json.Marshal(map[string]string{"body": string(body)})
	require.NoError(t, err)
	require.Contains(t, string(logged), encodings(oddPassword)["as JSON in JSON"])
	header := http.Header{}
	r := &http.Request{Header: header}
	r.SetBasicAuth("odd", oddPassword)
	require.Contains(t, header.Get("Authorization"), encodings("odd:" + oddPassword)["in base64"])
}
