package session

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"maunium.net/go/mautrix"
)

// maxRefusal is how much of an answer is read to find out what it refuses.
const maxRefusal = 64 << 10

// RoundTrip makes a request of the account with a valid access token. If the homeserver does not know the token, it
// makes the request again with a new one. Homeservers do not always say by soft_logout that a token has only expired:
// Synapse with an OAuth provider does not. So a refused token is renewed in any case, and the answer to that decides.
//
// Its errors are those of next, and ErrEnded or ErrNotRenewed, wrapped: then the homeserver has not carried out the
// request.
func (s *Session) RoundTrip(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	access, err := s.Token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := next.RoundTrip(withToken(r, access))
	if err != nil || !refusesToken(resp) {
		return resp, err
	}
	access, err = s.Refused(r.Context(), access)
	if err != nil {
		_ = resp.Body.Close() // it was read already
		return nil, err
	}
	again := withToken(r, access)
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return resp, nil // its maker makes it again
		} else if again.Body, err = r.GetBody(); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	_ = resp.Body.Close()
	return next.RoundTrip(again)
}

// withToken returns a copy of a request that carries an access token.
func withToken(r *http.Request, access string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+access)
	return r
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // nothing was read from it
	}
}

// refusesToken reports whether an answer says that the access token is not valid. The answer can still be read
// afterwards.
func refusesToken(resp *http.Response) bool {
	if resp.StatusCode != http.StatusUnauthorized {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
	var refusal mautrix.RespError
	return err == nil && json.Unmarshal(body, &refusal) == nil && refusal.ErrCode == mautrix.MUnknownToken.ErrCode
}
