package oauth

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

// token answers requests for tokens, or loses the answer to one that renews a log-in.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("grant_type") != "refresh_token" {
		s.provider.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	if away {
		s.change(func() { s.lost++ })
		panic(http.ErrAbortHandler)
	}
	recorder := httptest.NewRecorder()
	s.provider.ServeHTTP(recorder, r)
	lost := false
	s.change(func() {
		if s.lose > 0 {
			s.lose--
			s.lost++
			lost = true
		} else if recorder.Code == http.StatusOK {
			s.renewals++
		}
	})
	if lost {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), recorder.Header())
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes()) // the asker is gone: nothing to do
}

// revoke ends a log-in, and deletes its device on the homeserver.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	s.store.mu.Lock()
	found := s.store.refresh[r.PostFormValue("token")]
	s.store.mu.Unlock()
	s.provider.ServeHTTP(w, r)
	if found != nil {
		_ = s.logOut(r.Context(), found.deviceID) // the device is gone already
	}
}

func (s *Server) change(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.changes.Announce()
}

// until returns when condition, which is called with the lock held, is true.
func (s *Server) until(ctx context.Context, condition func() bool) error {
	return s.changes.Until(ctx, func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return condition(), nil
	})
}

// Renewals returns how often a log-in was renewed.
func (s *Server) Renewals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewals
}

// LoseRenewal loses the answer to the next renewal: the provider has replaced the tokens, and the client does not learn
// by which. It returns what waits until that has happened.
func (s *Server) LoseRenewal() (await func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.lost + 1
	s.lose++
	return func(ctx context.Context) error {
		return s.until(ctx, func() bool { return s.lost >= wanted })
	}
}

// GoAway lets all renewals fail before the provider has heard of them. It returns what waits until so many have failed,
// and then lets them succeed again.
func (s *Server) GoAway(tries int) (await func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.lost + tries
	s.away = true
	return func(ctx context.Context) error {
		err := s.until(ctx, func() bool { return s.lost >= wanted })
		s.change(func() { s.away = false })
		return err
	}
}

// Jump sets the clock of the provider ahead, so that access tokens expire before their time.
func (s *Server) Jump(ahead time.Duration) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.ahead += ahead
}

// EndLogIns ends all log-ins and deletes their devices, as somebody does on the account page.
func (s *Server) EndLogIns(ctx context.Context) error {
	s.store.revokeAll()
	s.mu.Lock()
	devices := slices.Collect(maps.Keys(s.tokens))
	s.mu.Unlock()
	var errs []error
	for _, device := range devices {
		errs = append(errs, s.logOut(ctx, device))
	}
	return errors.Join(errs...)
}
