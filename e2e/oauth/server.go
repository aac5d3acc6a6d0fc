package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"wazo-matrix-relay/e2e/harness"
)

// Config says what is in front of what.
type Config struct {
	Homeserver *harness.Homeserver
	// Account is the only account of the provider. Its password is known to the provider, and to no client.
	Account harness.ClientConfig
	// Life is how long an access token lives, in whole seconds.
	Life time.Duration
	// Replay is what becomes of a refresh token that is used a second time.
	Replay Replay
	// CodeLife is how long the owner may take to approve a log-in; 0 means a minute.
	CodeLife time.Duration
}

// Server is a homeserver with an OAuth 2.0 provider. Make it with Start.
type Server struct {
	cfg      Config
	web      *httptest.Server
	store    *store
	provider *op.Provider
	upstream http.Handler

	changes harness.Changes

	mu       sync.Mutex
	tokens   map[string]string // device → its access token on the homeserver
	renewals int               // how often the provider was asked for new tokens
	lose     int               // answers to that which are still to be lost
	lost     int
	away     bool
}

// Start starts a server, which ends with Close.
func Start(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, store: newStore(cfg.Account.User, cfg.Life, cfg.Replay), tokens: make(map[string]string)}
	if cfg.CodeLife == 0 {
		cfg.CodeLife = time.Minute
	}
	mux := http.NewServeMux()
	s.web = httptest.NewServer(mux)
	var err error
	s.provider, err = op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("of the test")), GrantTypeRefreshToken: true,
		DeviceAuthorization: op.DeviceAuthorizationConfig{Lifetime: cfg.CodeLife, PollInterval: time.Second, UserFormPath: "/link", UserCode: op.UserCodeBase20},
	}, s.store, op.StaticIssuer(s.web.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		s.web.Close()
		return nil, fmt.Errorf("failed to make the provider: %w", err)
	}
	if s.upstream, err = s.proxy(); err != nil {
		s.web.Close()
		return nil, err
	}
	mux.HandleFunc("GET /_matrix/client/v1/auth_metadata", s.metadata)
	mux.HandleFunc("POST /register", s.register)
	mux.HandleFunc("POST /link", s.link)
	mux.HandleFunc("POST /oauth/token", s.token)
	mux.HandleFunc("POST /revoke", s.revoke)
	mux.Handle("/_matrix/", s.upstream)
	mux.Handle("/", s.provider)
	return s, nil
}

// URL is where clients find the homeserver, and the provider.
func (s *Server) URL() string { return s.web.URL }

// Close ends the server. The homeserver goes on.
func (s *Server) Close() { s.web.Close() }

// metadata is what the library says of itself, with what it does not know (client-server API, "Server metadata
// discovery").
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	recorder := httptest.NewRecorder()
	s.provider.ServeHTTP(recorder, httptest.NewRequestWithContext(r.Context(), http.MethodGet, s.URL()+"/.well-known/openid-configuration", nil))
	var found map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &found); err != nil {
		refuse(w, http.StatusInternalServerError, "M_UNKNOWN", err.Error())
		return
	}
	found["registration_endpoint"], found["account_management_uri"] = s.URL()+"/register", s.URL()+"/account"
	answer(w, http.StatusOK, found)
}

// register makes a client known (RFC 7591).
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		URI    string   `json:"client_uri"`
		Auth   string   `json:"token_endpoint_auth_method"`
		Grants []string `json:"grant_types"`
		Logo   string   `json:"logo_uri"`
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	// What the Matrix Authentication Service refuses (docs/matrix.md, "Log in").
	page, pageErr := url.Parse(asked.URI)
	if err != nil || pageErr != nil || page.Scheme != "https" || page.Host == "" || page.Port() != "" || page.Hostname() == "localhost" || asked.Logo != "" ||
		asked.Auth != "none" || len(asked.Grants) == 0 || slices.Contains(asked.Grants, "authorization_code") {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_client_metadata", "error_description": "invalid client_uri"})
		return
	}
	answer(w, http.StatusCreated, map[string]any{"client_id": s.store.register(), "grant_types": asked.Grants})
}

// link is the form in which somebody enters the code.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	if err := s.store.decide(r.PostFormValue("user_code"), r.PostFormValue("action") == "approve"); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}

// Decide does in a browser what the owner of the account does there: it opens the address, enters the code, and
// approves or refuses.
func Decide(ctx context.Context, address, code string, approve bool) error {
	action := map[bool]string{true: "approve", false: "refuse"}[approve]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("user_code="+code+"&action="+action))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body) // what there is of it
		return fmt.Errorf("the page does not accept the code %q: %s", code, body)
	}
	return nil
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the asker is gone: nothing to do
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]any{"errcode": code, "error": text})
}
