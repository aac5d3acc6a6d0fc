package oauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// proxy passes requests on to the homeserver, with the access token that it knows.
func (s *Server) proxy() (http.Handler, error) {
	upstream, err := url.Parse(s.cfg.Homeserver.URL())
	if err != nil {
		return nil, err
	}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		// What fails here ends like a connection that breaks.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case strings.HasSuffix(r.URL.Path, "/login") && r.Method == http.MethodPost:
			refuse(w, http.StatusForbidden, "M_FORBIDDEN", "passwords are not accepted here")
			return
		case access != "":
			device := s.deviceWith(access)
			if device == "" {
				// As Synapse does: without soft_logout.
				refuse(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Token is not active")
				return
			}
			token, err := s.tokenOf(r.Context(), device)
			if err != nil {
				refuse(w, http.StatusServiceUnavailable, "M_UNKNOWN", err.Error())
				return
			}
			r.Header.Set("Authorization", "Bearer "+token)
		}
		reverse.ServeHTTP(w, r)
	}), nil
}

// deviceWith returns the device for which an access token is valid, "" if it is not. The library has encrypted its id.
func (s *Server) deviceWith(access string) string {
	plain, err := s.provider.Crypto().Decrypt(access)
	if err != nil {
		return ""
	}
	tokenID, _, _ := strings.Cut(plain, ":")
	return s.store.deviceWith(tokenID)
}

// tokenOf returns the access token of a device on the homeserver, where it is logged in when it is first used.
func (s *Server) tokenOf(ctx context.Context, device string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token := s.tokens[device]; token != "" {
		return token, nil
	}
	client, err := s.client()
	if err != nil {
		return "", err
	}
	resp, err := client.Login(ctx, &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Password: s.cfg.Account.Password, DeviceID: id.DeviceID(device),
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: s.cfg.Account.User},
	})
	if err != nil {
		return "", fmt.Errorf("failed to log %s in on the homeserver: %w", device, err)
	}
	s.tokens[device] = resp.AccessToken
	return resp.AccessToken, nil
}

// logOut deletes a device on the homeserver, as a provider does when its log-in ends.
func (s *Server) logOut(ctx context.Context, device string) error {
	s.mu.Lock()
	token := s.tokens[device]
	delete(s.tokens, device)
	s.mu.Unlock()
	if token == "" {
		return nil
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	client.AccessToken = token
	_, err = client.Logout(ctx)
	return err
}

// client returns a client of the homeserver that is not logged in.
func (s *Server) client() (*mautrix.Client, error) {
	client, err := mautrix.NewClient(s.cfg.Homeserver.URL(), "", "")
	if err == nil {
		client.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	return client, err
}
