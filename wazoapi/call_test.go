package wazoapi

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRejectedTokens(t *testing.T) {
	t.Parallel()
	const path = "GET /api/chatd/1.0/users/me/rooms"
	for _, tt := range []struct {
		name       string
		reason     string
		revoked    bool // the first token, before its first use
		wantStatus int  // 0 means success
		wantLogins int
		wantCalls  int
		wantChecks int
	}{
		{name: "an expired token is renewed and the request repeated", reason: ReasonTokenInvalid, revoked: true, wantLogins: 2, wantCalls: 2},
		{name: "a missing permission is returned at once", reason: ReasonMissingPermission, wantStatus: 401, wantLogins: 1, wantCalls: 1},
		{name: "without a reason, an unknown token is renewed", revoked: true, wantLogins: 2, wantCalls: 2, wantChecks: 1},
		{name: "without a reason, a known token is kept", wantStatus: 401, wantLogins: 1, wantCalls: 1, wantChecks: 1},
		{name: "it is renewed only once", reason: ReasonTokenInvalid, wantStatus: 401, wantLogins: 2, wantCalls: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeWazo(t)
			calls := 0
			f.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
				calls++
				if tt.revoked && f.isValid(r.Header.Get("X-Auth-Token")) {
					answerJSON(w, 200, `{"items": [], "filtered": 0, "total": 0}`)
					return
				}
				details := `{"invalid_token": "` + r.Header.Get("X-Auth-Token") + `"`
				if tt.reason != "" {
					details += `, "reason": "` + tt.reason + `"`
				}
				answerJSON(w, 401, `{"message": "Unauthorized", "error_id": "unauthorized", "details": `+details+`}}`)
			})
			a := f.account()
			token, err := a.Token(t.Context())
			require.NoError(t, err)
			if tt.revoked {
				f.revoke(token.Token)
			}
			_, err = a.Rooms(t.Context())
			if tt.wantStatus == 0 {
				require.NoError(t, err)
			} else {
				assert.True(t, isStatus(err, tt.wantStatus), "%v", err)
				assert.NotContains(t, fmt.Sprintf("%+v", err), token.Token)
			}
			logins, checks := f.counts()
			assert.Equal(t, tt.wantLogins, logins, "log-ins")
			assert.Equal(t, tt.wantCalls, calls, "calls")
			assert.Equal(t, tt.wantChecks, checks, "checks")
		})
	}
}

func TestServiceThatRejectsAllTokensDoesNotUseUpTheSessions(t *testing.T) {
	t.Parallel()
	f, clock := newFakeWazo(t), newFakeClock()
	f.mux.HandleFunc("GET /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 401, `{"message": "Unauthorized", "error_id": "unauthorized", "details": {"reason": "not_found_or_expired"}}`)
	})
	c := f.client()
	c.now = clock.Now
	a := c.Account(Credentials{"alice", "pa55word"}, nil)
	for range 60 { // a minute of calls
		_, err := a.Rooms(t.Context())
		assert.True(t, isStatus(err, 401), "%v", err)
		clock.advance(time.Second)
	}
	logins, _ := f.counts()
	assert.LessOrEqual(t, logins, 6)
	assert.GreaterOrEqual(t, logins, 2)
}

func TestManyRejectedCallersShareOneRenewal(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	f.handle("GET /api/chatd/1.0/users/me/rooms", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"items": []}`) })
	a := f.account()
	token, err := a.Token(t.Context())
	require.NoError(t, err)
	f.revoke(token.Token)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := a.Rooms(t.Context())
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	logins, _ := f.counts()
	assert.Equal(t, 2, logins)
}
