package bot

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay/words"
)

// secretPassword has what encodings change.
const secretPassword = `Pa"ss/wörd & more+7?`

// wazoTokens is a reverse proxy in front of Wazo that notes the tokens that Wazo gives out.
type wazoTokens struct {
	mu     sync.Mutex
	tokens []string
}

var tokenPattern = regexp.MustCompile(`"(?:token|refresh_token)": ?"([^"]+)"`)

func (f *fixture) noteTokens() *wazoTokens {
	f.Helper()
	target, err := url.Parse(f.wazo.URL())
	require.NoError(f, err)
	noted := &wazoTokens{}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(resp *http.Response) error {
			if !strings.HasPrefix(resp.Request.URL.Path, "/api/auth/") {
				return nil
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			resp.Body = io.NopCloser(bytes.NewReader(body))
			noted.mu.Lock()
			defer noted.mu.Unlock()
			for _, match := range tokenPattern.FindAllSubmatch(body, -1) {
				noted.tokens = append(noted.tokens, string(match[1]))
			}
			return nil
		},
	})
	f.Cleanup(front.Close)
	f.wazoURL = front.URL
	return noted
}

func (w *wazoTokens) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tokens)
}

// spellings are the forms in which a secret may appear somewhere.
func spellings(secret string) []string {
	quoted, _ := json.Marshal(secret)
	var escapedHTML bytes.Buffer
	encoder := json.NewEncoder(&escapedHTML)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(secret)
	all := []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
		words.Escape(secret), strings.Trim(string(quoted), `"`), strings.Trim(strings.TrimSpace(escapedHTML.String()), `"`), fmt.Sprint([]byte(secret)),
	}
	// In base64, what stands before the secret shifts it.
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
			all = append(all, encoded[(before*8+5)/6:len(encoded)-2])
		}
	}
	return all
}

// requireSecret requires that secrets are, in no form, in a file of the relay, in its log, or in what it said to rooms
// or to people.
func (f *fixture) requireSecret(when string, secrets ...string) {
	f.Helper()
	places := map[string]string{"the log": f.logged.String()}
	maps.Copy(places, dbtest.Contents(f, f.dbPath))
	f.hs.mu.Lock()
	places["the requests to the homeserver"] = fmt.Sprint(f.hs.sent, f.hs.redacted, f.hs.requests)
	f.hs.mu.Unlock()
	for _, secret := range secrets {
		for _, spelling := range spellings(secret) {
			for place, text := range places {
				require.False(f, strings.Contains(text, spelling), "%s: %q is in %s", when, spelling, place)
			}
		}
	}
}

func TestSpellingsAreFound(t *testing.T) {
	for before := range 5 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + secretPassword + "tail"))
		require.True(t, slices.ContainsFunc(spellings(secretPassword), func(s string) bool { return strings.Contains(text, s) }), before)
	}
}

func TestSecretsOfALogInAreNowhere(t *testing.T) {
	t.Parallel()
	newSecretFixture := func(t *testing.T) (*fixture, *wazoTokens) {
		f := newFixture(t)
		f.logLevel = zerolog.TraceLevel
		tokens := f.noteTokens()
		f.wazo.SetPassword(f.alice, secretPassword)
		return f, tokens
	}
	useAndEnd := func(f *fixture, tokens *wazoTokens, more ...string) {
		f.Helper()
		login := f.awaitLogin(adminUser)
		refresh, err := f.db.Account.RefreshToken(f.Context(), login.ID)
		require.NoError(f, err)
		require.Contains(f, tokens.all(), refresh)
		secrets := append(more, secretPassword)
		f.inboxIsEmpty()
		f.requireSecret("while logged in", append(secrets, tokens.all()...)...)
		f.stop()
		f.requireSecret("after a stop", append(secrets, tokens.all()...)...)
		f.start()
		f.hs.say(roomID, adminUser, "!wazo logout")
		f.hs.awaitSent(roomID, "You are logged out.")
		f.stop()
		f.requireSecret("after the log-out", append(secrets, tokens.all()...)...)
	}
	t.Run("on the page", func(t *testing.T) {
		t.Parallel()
		f, tokens := newSecretFixture(t)
		f.loginPage = "https://relay.example.org/login"
		f.start()
		f.first()
		f.hs.addRoom(otherRoom, adminUser)
		f.hs.pushMembers(otherRoom)
		f.hs.say(otherRoom, adminUser, "!wazo login")
		path := linkPattern.FindStringSubmatch(f.hs.awaitSent(otherRoom, "open this page").body())[1]
		for _, password := range []string{secretPassword + "wrong", secretPassword} {
			f.logInAt(path, password)
		}
		useAndEnd(f, tokens)
		require.NotContains(t, f.logged.String(), path, "the link is not logged either")
	})
	t.Run("in the dialogue", func(t *testing.T) {
		t.Parallel()
		f, tokens := newSecretFixture(t)
		f.start()
		f.first()
		// What is said there is encrypted, so it is kept as it was before.
		f.keepSaid()
		robin := f.beginDialogue()
		// People send the password too early, or alone again.
		for i, said := range []string{secretPassword, "alice", secretPassword, "name", "alice", secretPassword + "wrong", secretPassword} {
			f.hs.pushTimeline(directChat, robin.message(said))
			f.awaitSaid(2 + i)
		}
		useAndEnd(f, tokens)
	})
	t.Run("in a message that was not taken", func(t *testing.T) {
		t.Parallel()
		f, tokens := newSecretFixture(t)
		f.start()
		f.first()
		f.hs.say(roomID, adminUser, "!wazo login alice "+secretPassword)
		f.awaitRedacted(1)
		f.inboxIsEmpty()
		f.requireSecret("after the command", append(tokens.all(), secretPassword)...)
	})
	t.Run("when Wazo fails", func(t *testing.T) {
		t.Parallel()
		f, tokens := newSecretFixture(t)
		f.loginPage = "https://relay.example.org/login"
		f.start()
		f.first()
		f.hs.addRoom(otherRoom, adminUser)
		f.hs.pushMembers(otherRoom)
		f.hs.say(otherRoom, adminUser, "!wazo login")
		path := linkPattern.FindStringSubmatch(f.hs.awaitSent(otherRoom, "open this page").body())[1]
		f.wazo.Faults().AuthDown()
		f.logInAt(path, secretPassword)
		f.wazo.Faults().Clear()
		dbtest.RefuseWrites(t, f.db.Database, "INSERT", "account", "true")
		f.logInAt(path, secretPassword)
		require.Contains(t, f.logged.String(), "disk full")
		require.Nil(t, f.login(adminUser))
		f.requireSecret("after failures", append(tokens.all(), secretPassword)...)
	})
}
