package wazoapi

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
)

const secretRefresh = "c1275286-5206-4e03-b78c-c108e42ced1a"

func testGrant() RefreshGrant { return RefreshGrant{Token: secretRefresh, ClientID: "robin"} }

func TestClientID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, user, want string }{
		{"an ordinary user", "@robin:a.example", "@robin:a.example via @bot:a.example"},
		{"a slash, which would break the route", "@a/b:a.example", "@a_b:a.example via @bot:a.example a41e1fcfbc57345e"},
		{"a hash, which no right matches", "@a#b:a.example", "@a_b:a.example via @bot:a.example 05da99c9ec225322"},
		{"the one that these must not be taken for", "@a_b:a.example", "@a_b:a.example via @bot:a.example"},
		{"everything else that is allowed", "@az.09_=-+:a.example:8448", "@az.09_=-+:a.example:8448 via @bot:a.example"},
		{"letters of other scripts", "@zoë:a.example", "@zoë:a.example via @bot:a.example"},
		{"what is none", "@%?\n\\:a.example", "@____:a.example via @bot:a.example d8e869a9709a99d4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ClientID(tt.user, "@bot:a.example")
			assert.Equal(t, tt.want, got)
			assert.NoError(t, checkClientID(got))
		})
	}
	for _, bad := range []string{"", ".", "..", "a/b", "a#b"} {
		assert.ErrorIs(t, checkClientID(bad), ErrInvalidClientID, "%q", bad)
	}
}

func TestLogInRequests(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	var body, authorization string
	f.login = func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		body, authorization = strings.TrimSpace(string(raw)), r.Header.Get("Authorization")
		f.grant(w, secretToken)
	}
	f.refresh = secretRefresh
	c := f.client()
	login := OfflineLogIn{Username: "alice", Password: []byte("pa55word"), ClientID: "robin"}
	token, grant, err := c.LogInOffline(t.Context(), login)
	require.NoError(t, err)
	assert.Equal(t, testGrant(), grant)
	assert.Equal(t, grant.Login(), token.Login)
	assert.NotContains(t, token.Login, secretRefresh)
	assert.Equal(t, `{"expiration":43200,"access_type":"offline","client_id":"robin"}`, body)
	assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:pa55word")), authorization)
	assert.NotContains(t, f.header, "Wazo-Session-Type")

	login.Domain, login.TokenLife = "acme.example", time.Hour
	_, _, err = c.LogInOffline(t.Context(), login)
	require.NoError(t, err)
	assert.Equal(t, `{"expiration":3600,"access_type":"offline","client_id":"robin","domain_name":"acme.example"}`, body)

	_, err = c.AccountByRefresh(grant, nil, AccountOptions{TokenLife: 2 * time.Hour}).Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, `{"expiration":7200,"client_id":"robin","refresh_token":"`+secretRefresh+`"}`, body)
	assert.Empty(t, authorization)
}

func TestAnOfflineLogInWithoutRefreshToken(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	_, _, err := f.client().LogInOffline(t.Context(), OfflineLogIn{Username: "alice", Password: []byte("pa55word"), ClientID: "robin"})
	require.ErrorIs(t, err, ErrAuthDown)
	assert.ErrorContains(t, err, "lacks the refresh token")
}

func TestLogInsThatAreNotSent(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	for _, tt := range []struct {
		name  string
		login OfflineLogIn
		want  error
	}{
		{"an empty password, which LDAP may accept", OfflineLogIn{Username: "alice", ClientID: "robin"}, ErrLogInRefused},
		{"an empty name", OfflineLogIn{Password: []byte("x"), ClientID: "robin"}, ErrLogInRefused},
		{"a name that would end early", OfflineLogIn{Username: "a:b", Password: []byte("x"), ClientID: "robin"}, ErrLogInRefused},
		{"a name that the database refuses", OfflineLogIn{Username: "a\x00", Password: []byte("x"), ClientID: "robin"}, ErrLogInRefused},
		{"no client id", OfflineLogIn{Username: "alice", Password: []byte("x")}, ErrInvalidClientID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := f.client().LogInOffline(t.Context(), tt.login)
			assert.ErrorIs(t, err, tt.want)
		})
	}
	logins, _ := f.counts()
	assert.Zero(t, logins)
}

func TestPausesAfterARefusedRefreshToken(t *testing.T) {
	t.Parallel()
	f, clock := newFakeWazo(t), newFakeClock()
	f.now = clock.Now
	f.login = func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 401, `{"reason": ["Authentication Failed"], "timestamp": [1795288929.58], "status_code": 401}`)
	}
	c := f.client()
	c.now = clock.Now
	a := c.AccountByRefresh(testGrant(), nil, AccountOptions{})
	for i, hold := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		_, err := a.Token(t.Context())
		require.ErrorIs(t, err, ErrLogInEnded)
		assert.NotErrorIs(t, err, ErrLogInRefused)
		clock.advance(hold - time.Millisecond)
		_, again := a.Token(t.Context())
		require.Same(t, err, again, "the same error, without a request")
		logins, _ := f.counts()
		require.Equal(t, i+1, logins)
		clock.advance(time.Millisecond)
	}
	f.login = nil
	_, err := a.Token(t.Context())
	require.NoError(t, err, "the account was enabled again")
}

func TestARefusalEndsALogInBeforeItsAccessTokenEnds(t *testing.T) {
	t.Parallel()
	f, clock := newFakeWazo(t), newFakeClock()
	f.now = clock.Now
	c := f.client()
	c.now = clock.Now
	a := c.AccountByRefresh(testGrant(), nil, AccountOptions{})
	first, err := a.Token(t.Context())
	require.NoError(t, err)
	refuse := func(status int) {
		f.login = func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, `{}`) }
	}
	refuse(502)
	clock.advance(11 * time.Hour)
	same, err := a.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, same, "an outage is no refusal")
	refuse(401)
	clock.advance(time.Minute)
	_, err = a.Token(t.Context())
	require.ErrorIs(t, err, ErrLogInEnded, "although the access token is valid")
	require.NoError(t, a.Logout(t.Context()))
	assert.False(t, f.isValid(first.Token), "the access token can still be revoked")
}

func TestAListThatIsWrongCostsOneSession(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	f.handle("GET /api/auth/0.1/users/me/tokens", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"total": 0, "filtered": 0, "items": []}`)
	})
	a := f.client().AccountByRefresh(testGrant(), nil, AccountOptions{})
	for range 5 {
		require.NoError(t, a.Check(t.Context()))
	}
	logins, _ := f.counts()
	assert.Equal(t, 2, logins)
}

func TestTokensOfARefreshGrantOverRestart(t *testing.T) {
	t.Parallel()
	f, store := newFakeWazo(t), &memoryStore{}
	start := func(grant RefreshGrant, opts AccountOptions) Token {
		token, err := f.client().AccountByRefresh(grant, store, opts).Token(t.Context())
		require.NoError(t, err)
		return token
	}
	first := start(testGrant(), AccountOptions{})
	assert.Equal(t, first, store.token)
	assert.Equal(t, first, start(testGrant(), AccountOptions{}), "the kept token is used")
	other := RefreshGrant{Token: "another", ClientID: testGrant().ClientID}
	second := start(other, AccountOptions{})
	assert.NotEqual(t, first.Token, second.Token, "the token of another grant may be another account's")

	third := Token{Token: secretToken, ExpiresAt: time.Now().Add(time.Hour), Login: other.Login()}
	assert.Equal(t, third, start(other, AccountOptions{Token: third}), "a given token goes first")
	third.Login = testGrant().Login()
	assert.Equal(t, second, start(other, AccountOptions{Token: third}), "but not that of another grant")
}

func TestALogInHasItsOwnQueue(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	f.handleStream(func(s *fakeStream) { s.serve() })
	for want, opts := range map[int]AccountOptions{64: {QueueLength: 64}, 4096: {}} {
		a := f.client().AccountByRefresh(testGrant(), nil, opts)
		token, err := a.Token(t.Context())
		require.NoError(t, err)
		s, err := a.dial(t.Context(), token, newRecordingHandler())
		require.NoError(t, err)
		assert.Equal(t, want, s.events.limit)
		s.conn.close()
	}
}

func TestTheStreamOfAnEndedLogInEnds(t *testing.T) {
	t.Parallel()
	f, h, clock := newFakeWazo(t), newRecordingHandler(), newFakeClock()
	f.now = clock.Now
	f.handleStream(func(s *fakeStream) {
		s.untilStart()
		s.serve()
	})
	c := f.client(quickStream(func(s *StreamConfig) { s.PingInterval = 10 * time.Millisecond }))
	c.now = clock.Now
	listen(t, c.AccountByRefresh(testGrant(), nil, AccountOptions{}), h)
	await.Receive(t, "the connection", h.connected)
	f.mu.Lock()
	f.login = func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 401, `{}`) }
	f.mu.Unlock()
	clock.advance(11 * time.Hour)
	for range 3 {
		require.ErrorIs(t, await.Receive(t, "Disconnected", h.disconnected), ErrLogInEnded)
	}
	logins, _ := f.counts()
	assert.Equal(t, 2, logins, "reconnecting asks wazo-auth no more")
}

// A server that repeats what it was sent, in each kind of failure.
func TestNoSecretOfALogInIsShown(t *testing.T) {
	t.Parallel()
	const password = `pa55"wörd`
	f, clock := newFakeWazo(t), newFakeClock()
	f.now = clock.Now
	var log bytes.Buffer
	c := f.client()
	c.now = clock.Now
	c.log = zerolog.New(&log).Level(zerolog.TraceLevel)
	echo := func(status int) {
		f.login = func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			text := fmt.Sprintf("%s %s", r.Header.Get("Authorization"), body)
			answerJSON(w, status, fmt.Sprintf(`{"message": %q, "details": {"why": %q, "refresh_token": %q}}`, text, text, text))
		}
	}
	var shown []string
	for _, status := range []int{200, 400, 401, 404, 429, 500, 503} {
		echo(status)
		_, _, err := c.LogInOffline(t.Context(), OfflineLogIn{Username: "alice", Password: []byte(password), ClientID: "robin"})
		require.Error(t, err)
		shown = append(shown, fmt.Sprintf("%v %+v", err, err))
		a := c.AccountByRefresh(testGrant(), nil, AccountOptions{})
		f.login = nil
		_, err = a.Token(t.Context())
		require.NoError(t, err)
		echo(status)
		clock.advance(11 * time.Hour)
		_, err = a.Token(t.Context()) // logged, if the old token is good enough
		shown = append(shown, fmt.Sprintf("%v %+v %v", err, err, a.logins.err))
	}
	f.srv.Close()
	_, _, err := c.LogInOffline(t.Context(), OfflineLogIn{Username: "alice", Password: []byte(password), ClientID: "robin"})
	shown = append(shown, err.Error(), log.String())
	assert.Contains(t, log.String(), `"client_id":"robin"`)
	everything := strings.Join(shown, "\n")
	assert.Contains(t, everything, hidden)
	for _, secret := range append(spellings(password), spellings(secretRefresh)...) {
		assert.NotContains(t, everything, secret)
	}
	assert.NotContains(t, everything, base64.StdEncoding.EncodeToString([]byte("alice:"+password)))
}
