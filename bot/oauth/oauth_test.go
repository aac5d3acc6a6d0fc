package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/session"
)

// fixture is a homeserver with a provider behind the same address.
type fixture struct {
	*testing.T
	web      *httptest.Server
	metadata map[string]any // nil: the homeserver has no provider

	mu         sync.Mutex
	registered map[string]any
	forms      []url.Values // what was sent to the endpoints that take forms
	answers    []answer     // of the token endpoint, one after the other
	begin      answer
	slept      []time.Duration
}

type answer struct {
	status int
	body   string
}

const (
	aPair   = `{"access_token":"access","token_type":"Bearer","expires_in":300,"refresh_token":"refresh"}`
	pending = `{"error":"authorization_pending","error_description":"wait"}`
)

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_matrix/client/v1/auth_metadata", func(w http.ResponseWriter, _ *http.Request) {
		if f.metadata == nil {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errcode":"M_UNRECOGNIZED","error":"no"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(f.metadata)
	})
	mux.HandleFunc("POST /register", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if json.NewDecoder(r.Body).Decode(&f.registered) != nil || f.registered["client_uri"] == "" {
			f.write(w, answer{http.StatusBadRequest, `{"error":"invalid_client_metadata"}`})
			return
		}
		f.write(w, answer{http.StatusCreated, `{"client_id":"client"}`})
	})
	mux.HandleFunc("POST /refuse", func(w http.ResponseWriter, _ *http.Request) {
		f.write(w, answer{http.StatusBadRequest, `{"error":"invalid_client_metadata","error_description":"invalid client_uri"}`})
	})
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, r *http.Request) {
		f.take(r)
		f.write(w, f.begin)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		f.take(r)
		f.mu.Lock()
		next := f.answers[0]
		f.answers = f.answers[1:]
		f.mu.Unlock()
		if next.status == 0 {
			panic(http.ErrAbortHandler) // the answer is lost
		}
		f.write(w, next)
	})
	mux.HandleFunc("POST /revoke", func(_ http.ResponseWriter, r *http.Request) { f.take(r) })
	f.web = httptest.NewServer(mux)
	t.Cleanup(f.web.Close)
	f.metadata = map[string]any{
		"issuer": f.web.URL + "/", "token_endpoint": f.web.URL + "/token", "registration_endpoint": f.web.URL + "/register",
		"device_authorization_endpoint": f.web.URL + "/device", "revocation_endpoint": f.web.URL + "/revoke",
		"grant_types_supported":  []string{"refresh_token", "urn:ietf:params:oauth:grant-type:device_code"},
		"account_management_uri": f.web.URL + "/account?lang=en",
	}
	f.begin = answer{http.StatusOK, `{"device_code":"device","user_code":"ABCD-EFGH","verification_uri":"https://a.example/link",
		"verification_uri_complete":"https://a.example/link?code=ABCD-EFGH","expires_in":600,"interval":7}`}
	return f
}

func (f *fixture) take(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		f.Errorf("a form cannot be parsed: %v", err)
	}
	f.forms = append(f.forms, r.PostForm)
}

func (f *fixture) write(w http.ResponseWriter, a answer) {
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // the asker is gone: nothing to do
}

func (f *fixture) config() Config {
	transport := &http.Transport{DisableKeepAlives: true}
	return Config{HomeserverURL: f.web.URL, UserAgent: "test", Transport: transport}
}

// provider finds the provider. Pauses do not take time.
func (f *fixture) provider() *Provider {
	f.Helper()
	p, err := Discover(f.Context(), f.config())
	require.NoError(f, err)
	p.sleep = func(ctx context.Context, d time.Duration) error {
		f.slept = append(f.slept, d)
		return ctx.Err()
	}
	return p
}

// await waits for the approval of a log-in that has begun, while the provider gives these answers.
func (f *fixture) await(answers ...answer) (session.Tokens, error) {
	f.Helper()
	f.answers = answers
	grant, err := f.provider().Begin(f.Context(), "client", "@bot:a.example", "DEVICE")
	require.NoError(f, err)
	f.forms = nil
	return grant.Await(f.Context())
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	t.Run("a homeserver without provider", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.metadata = nil
		_, err := Discover(t.Context(), f.config())
		require.ErrorIs(t, err, ErrNoProvider)
	})
	t.Run("a homeserver that cannot be reached has not said that", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.web.Close()
		_, err := Discover(t.Context(), f.config())
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrNoProvider)
	})
	t.Run("no secret goes to http if the homeserver has https", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct{ homeserver, endpoint string }{
			{"https://a.example", "http://a.example/token"}, {"http://a.example", "ftp://a.example/token"}, {"https://a.example", ":"},
		} {
			f := newFixture(t)
			p := f.provider()
			p.cfg.HomeserverURL, p.metadata.TokenEndpoint = test.homeserver, test.endpoint
			require.ErrorIs(t, p.checkAddresses(), ErrBadAddress)
		}
	})
}

func TestRegister(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	client, err := f.provider().Register(t.Context())
	require.NoError(t, err)
	require.Equal(t, "client", client)
	require.Equal(t, "none", f.registered["token_endpoint_auth_method"])
	require.Equal(t, "native", f.registered["application_type"])
	require.Equal(t, DefaultClientURI, f.registered["client_uri"])
	require.NotContains(t, f.registered, "redirect_uris", "nobody is sent back to the relay")
	require.Equal(t, []any{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"}, f.registered["grant_types"])
	p := f.provider()
	p.cfg.ClientURI = "https://relay.a.example/"
	_, err = p.Register(t.Context())
	require.NoError(t, err)
	require.Equal(t, "https://relay.a.example/", f.registered["client_uri"])
	f.metadata["registration_endpoint"] = f.web.URL + "/refuse"
	_, err = f.provider().Register(t.Context())
	require.ErrorIs(t, err, ErrNoRegistration)
	require.ErrorContains(t, err, "invalid client_uri", "an administrator reads what the provider does not accept")
	delete(f.metadata, "registration_endpoint")
	_, err = f.provider().Register(t.Context())
	require.ErrorIs(t, err, ErrNoRegistration)
}

func TestBegin(t *testing.T) {
	t.Parallel()
	t.Run("asks for what a client may do, on one device", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		grant, err := f.provider().Begin(t.Context(), "client", "@bot:a.example", "DEVICE")
		require.NoError(t, err)
		require.Equal(t, url.Values{
			"client_id": {"client"}, "login_hint": {"mxid:@bot:a.example"}, "scope": {"urn:matrix:client:api:* urn:matrix:client:device:DEVICE"},
		}, f.forms[0])
		require.Equal(t, "https://a.example/link", grant.Address)
		require.Equal(t, "https://a.example/link?code=ABCD-EFGH", grant.CompleteAddress)
		require.Equal(t, "ABCD-EFGH", grant.Code)
		require.WithinDuration(t, time.Now().Add(10*time.Minute), grant.Expires, time.Minute)
	})
	for name, spoil := range map[string]func(f *fixture){
		"no endpoint": func(f *fixture) { delete(f.metadata, "device_authorization_endpoint") },
		"not listed":  func(f *fixture) { f.metadata["grant_types_supported"] = []string{"authorization_code"} },
		"not allowed": func(f *fixture) { f.begin = answer{http.StatusBadRequest, `{"error":"unauthorized_client"}`} },
	} {
		t.Run("says that the provider cannot do that: "+name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			spoil(f)
			_, err := f.provider().Begin(t.Context(), "client", "@bot:a.example", "DEVICE")
			require.ErrorIs(t, err, ErrNoDeviceGrant)
		})
	}
	t.Run("says that the client is not known any more", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.begin = answer{http.StatusUnauthorized, `{"error":"invalid_client"}`}
		_, err := f.provider().Begin(t.Context(), "old", "@bot:a.example", "DEVICE")
		require.ErrorIs(t, err, ErrUnknownClient)
	})
}

func TestAwait(t *testing.T) {
	t.Parallel()
	wait, slower := answer{http.StatusBadRequest, pending}, answer{http.StatusBadRequest, `{"error":"slow_down"}`}
	approved, lost := answer{http.StatusOK, aPair}, answer{}
	for _, test := range []struct {
		name    string
		answers []answer
		pauses  []time.Duration // in seconds
		want    error
	}{
		{"approved at once", []answer{approved}, []time.Duration{7}, nil},
		{"approved after a while", []answer{wait, wait, approved}, []time.Duration{7, 7, 7}, nil},
		{"the provider wants to be asked less often", []answer{slower, wait, slower, approved}, []time.Duration{7, 12, 12, 17}, nil},
		{"the provider is away for a moment", []answer{lost, {http.StatusBadGateway, "<html>"}, approved}, []time.Duration{7, 14, 28}, nil},
		{"refused", []answer{wait, {http.StatusBadRequest, `{"error":"access_denied"}`}}, []time.Duration{7, 7}, ErrDenied},
		{"too late", []answer{wait, {http.StatusBadRequest, `{"error":"expired_token"}`}}, []time.Duration{7, 7}, ErrExpired},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tokens, err := f.await(test.answers...)
			for i := range test.pauses {
				test.pauses[i] *= time.Second
			}
			require.Equal(t, test.pauses, f.slept)
			require.ErrorIs(t, err, test.want)
			for _, form := range f.forms {
				require.Equal(t, url.Values{"client_id": {"client"}, "device_code": {"device"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}}, form)
			}
			if test.want == nil {
				require.Equal(t, "access", tokens.Access)
				require.Equal(t, "refresh", tokens.Refresh)
				require.Equal(t, 5*time.Minute, tokens.Life)
			}
		})
	}
	t.Run("a code that nobody uses", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		grant, err := f.provider().Begin(t.Context(), "client", "@bot:a.example", "DEVICE")
		require.NoError(t, err)
		grant.Expires = time.Now()
		_, err = grant.Await(t.Context())
		require.ErrorIs(t, err, ErrExpired)
	})
	t.Run("an answer that no other one follows", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := f.await(answer{http.StatusBadRequest, `{"error":"invalid_grant"}`})
		require.ErrorContains(t, err, "invalid_grant")
		require.Len(t, f.slept, 1)
	})
	t.Run("a log-in that would not last", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := f.await(answer{http.StatusOK, `{"access_token":"access","token_type":"Bearer","expires_in":300}`})
		require.ErrorIs(t, err, ErrNoRefreshToken)
		require.Len(t, f.slept, 1)
	})
	t.Run("whoever waits can stop", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		grant, err := f.provider().Begin(ctx, "client", "@bot:a.example", "DEVICE")
		require.NoError(t, err)
		cancel()
		_, err = grant.Await(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	t.Run("brings a new pair", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.answers = []answer{{http.StatusOK, aPair}}
		before := time.Now()
		tokens, err := f.provider().Refresh(t.Context(), "client", "old")
		require.NoError(t, err)
		require.Equal(t, url.Values{"client_id": {"client"}, "grant_type": {"refresh_token"}, "refresh_token": {"old"}}, f.forms[0])
		require.Equal(t, []string{"access", "refresh"}, []string{tokens.Access, tokens.Refresh})
		require.Equal(t, 5*time.Minute, tokens.Life)
		require.WithinRange(t, tokens.Expires, before.Add(5*time.Minute), time.Now().Add(5*time.Minute))
	})
	t.Run("may not say how long the access token lives", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.answers = []answer{{http.StatusOK, `{"access_token":"access","token_type":"Bearer"}`}}
		tokens, err := f.provider().Refresh(t.Context(), "client", "old")
		require.NoError(t, err)
		require.True(t, tokens.Expires.IsZero())
	})
	final := map[string]bool{
		`{"error":"invalid_grant"}`: true, `{"error":"invalid_client"}`: true, `{"error":"unauthorized_client"}`: true,
		`{"error":"invalid_request"}`: false, `<html>`: false, `{"errcode":"M_UNKNOWN"}`: false,
	}
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized} {
		for body, ended := range maps.All(final) {
			f := newFixture(t)
			f.answers = []answer{{status, body}}
			_, err := f.provider().Refresh(t.Context(), "client", "a-secret")
			require.Error(t, err)
			require.Equal(t, ended, errors.Is(err, session.ErrEnded), body)
			require.NotContains(t, err.Error(), "a-secret")
		}
	}
	t.Run("goes nowhere else", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		var asked int
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
		t.Cleanup(other.Close)
		moved := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
		t.Cleanup(moved.Close)
		f.metadata["token_endpoint"] = moved.URL
		_, err := f.provider().Refresh(t.Context(), "client", "a-secret")
		require.Error(t, err)
		require.NotErrorIs(t, err, session.ErrEnded)
		require.Zero(t, asked)
	})
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.NoError(t, f.provider().Revoke(t.Context(), "client", "refresh"))
	require.Equal(t, url.Values{"client_id": {"client"}, "token": {"refresh"}, "token_type_hint": {"refresh_token"}}, f.forms[0])
}

func TestResetAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, f.web.URL+"/account?action=org.matrix.cross_signing_reset&lang=en", f.provider().ResetAddress())
	delete(f.metadata, "account_management_uri")
	require.Empty(t, f.provider().ResetAddress())
}
