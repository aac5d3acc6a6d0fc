package wazoapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const secretToken = "49fecdb4-1a95-4127-8b7b-85b1c983ce78"

// withToken puts a real token where the recordings have a label.
func withToken(s, token string) string {
	for {
		start := strings.Index(s, "<token:")
		if start < 0 {
			return s
		}
		end := strings.Index(s[start:], ">")
		s = s[:start] + token + s[start+end+1:]
	}
}

func TestRecordedErrorsNeverShowTheToken(t *testing.T) {
	t.Parallel()
	inBody := 0
	for _, rec := range recordedErrors(t) {
		t.Run(fmt.Sprintf("%s: %s", rec.Recording, rec.Note), func(t *testing.T) {
			body := withToken(string(rec.wire(t)), secretToken)
			if strings.Contains(body, secretToken) {
				inBody++
			}
			e := newError(request{method: rec.Method, service: serviceChatd, path: "/x", token: secretToken}, rec.Status, http.Header{}, []byte(body))
			assert.Equal(t, rec.Status, e.Status)
			assert.NotEmpty(t, e.Message)
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", e, *e, e.Details), secretToken)
			assert.NotContains(t, e.Error(), "<html")
		})
	}
	assert.NotZero(t, inBody, "no recorded body had the token in it: this test tests nothing")
}

func TestForeignTokensInURLsAreHidden(t *testing.T) {
	t.Parallel()
	body := `{"message": "no answer from /0.1/token/` + secretToken + `?scope=x", "error_id": "e", "details": {"why": "GET /0.1/token/` + secretToken + `", "deep": [{"user_token": "` + secretToken + `"}]}}`
	e := newError(request{method: "GET", service: serviceChatd, path: "/x"}, 503, http.Header{}, []byte(body))
	assert.NotContains(t, fmt.Sprintf("%v %v", e, e.Details), secretToken)
	assert.Contains(t, e.Message, "/0.1/token/<hidden>?scope=x")
}

func TestNewError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		status  int
		header  http.Header
		body    string
		want    Error
		wantStr string
	}{
		{
			name: "chatd's missing permission", status: 401,
			body:    `{"message": "Unauthorized", "error_id": "unauthorized", "details": {"invalid_token": "x", "reason": "missing_permission_or_invalid_tenant", "required_access": "chatd.users.me.rooms.read", "tenant_uuid": null}, "timestamp": 1795291738.06}`,
			want:    Error{ID: "unauthorized", Reason: ReasonMissingPermission, Message: "Unauthorized", Details: map[string]any{"reason": ReasonMissingPermission, "required_access": "chatd.users.me.rooms.read", "tenant_uuid": nil}},
			wantStr: "GET /api/chatd/1.0/x: 401: unauthorized: missing_permission_or_invalid_tenant: Unauthorized",
		},
		{
			name: "auth's reason", status: 401,
			body:    `{"reason": ["Authentication Failed"], "timestamp": [1795288929.58], "status_code": 401}`,
			want:    Error{Message: "Authentication Failed"},
			wantStr: "GET /api/chatd/1.0/x: 401: Authentication Failed",
		},
		{
			name: "HTML", status: 502, body: "<html>\r\n<head><title>502 Bad Gateway</title></head></html>",
			want: Error{Message: "Bad Gateway (HTML page)"}, wantStr: "GET /api/chatd/1.0/x: 502: Bad Gateway (HTML page)",
		},
		{
			name: "HTML of a body that is too large", status: 413, body: "<html><head><title>413 Request Entity Too Large</title></head></html>",
			want: Error{Message: "Request Entity Too Large (HTML page)"}, wantStr: "GET /api/chatd/1.0/x: 413: Request Entity Too Large (HTML page)",
		},
		{
			name: "an empty body", status: 500, body: "",
			want: Error{Message: "Internal Server Error (empty answer)"}, wantStr: "GET /api/chatd/1.0/x: 500: Internal Server Error (empty answer)",
		},
		{
			name: "plain text is not quoted", status: 503, body: "token " + secretToken + " is bad",
			want: Error{Message: "Service Unavailable (answer of 49 bytes without a message)"}, wantStr: "GET /api/chatd/1.0/x: 503: Service Unavailable (answer of 49 bytes without a message)",
		},
		{
			name: "a time to wait", status: 429, header: http.Header{"Retry-After": {"17"}}, body: "<html>",
			want: Error{Message: "Too Many Requests (HTML page)", RetryAfter: 17 * time.Second}, wantStr: "GET /api/chatd/1.0/x: 429: Too Many Requests (HTML page)",
		},
		{
			name: "a message with line ends stays one line", status: 400, body: `{"message": "a\r\nb"}`,
			want: Error{Message: "a  b"}, wantStr: "GET /api/chatd/1.0/x: 400: a  b",
		},
		{
			name: "a message that is an object", status: 400, body: `{"message": {"term": "term is missing"}}`,
			want: Error{Message: "Bad Request (answer of 40 bytes without a message)"}, wantStr: "GET /api/chatd/1.0/x: 400: Bad Request (answer of 40 bytes without a message)",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := newError(request{method: "GET", service: serviceChatd, path: "/x"}, tt.status, tt.header, []byte(tt.body))
			tt.want.Status, tt.want.Method, tt.want.Path = tt.status, "GET", "/api/chatd/1.0/x"
			assert.Equal(t, &tt.want, got)
			assert.Equal(t, tt.wantStr, got.Error())
		})
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		runes int
		want  int
	}{
		{"at the limit", maxErrorText, maxErrorText},
		{"one past the limit", maxErrorText + 1, maxErrorText + 1}, // with the ellipsis
		{"far past the limit", 10 * maxErrorText, maxErrorText + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := json.Marshal(strings.Repeat("é", tt.runes))
			require.NoError(t, err)
			e := parseErrorBody([]byte(`{"message": `+string(text)+`}`), nil)
			assert.Len(t, []rune(e.Message), tt.want)
			assert.Equal(t, tt.runes > maxErrorText, strings.HasSuffix(e.Message, "…"))
		})
	}
}

func TestErrorMeaning(t *testing.T) {
	t.Parallel()
	const login, other = "/api/auth/0.1/token", "/api/chatd/1.0/users/me/rooms"
	for _, tt := range []struct {
		name                                 string
		err                                  Error
		loginFailed, sessionLimit, forbidden bool
	}{
		{name: "a refused log-in", err: Error{Status: 401, Method: "POST", Path: login}, loginFailed: true},
		{name: "too many sessions", err: Error{Status: 429, Method: "POST", Path: login}, sessionLimit: true},
		{name: "a rate limit of nginx", err: Error{Status: 429, Method: "GET", Path: other}},
		{name: "an expired token", err: Error{Status: 401, Method: "GET", Path: other, Reason: ReasonTokenInvalid}},
		{name: "a missing permission", err: Error{Status: 401, Method: "GET", Path: other, Reason: ReasonMissingPermission}, forbidden: true},
		{name: "a 401 without reason", err: Error{Status: 401, Method: "GET", Path: other}, forbidden: true},
		{name: "a missing scope", err: Error{Status: 403, Method: "HEAD", Path: "/api/auth/0.1/token/{token}"}, forbidden: true},
		{name: "an unknown room", err: Error{Status: 404, Method: "GET", Path: other}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.loginFailed, tt.err.LoginFailed(), "LoginFailed")
			assert.Equal(t, tt.sessionLimit, tt.err.SessionLimit(), "SessionLimit")
			assert.Equal(t, tt.forbidden, tt.err.MissingPermission(), "MissingPermission")
		})
	}
}

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	const login, post = "/api/auth/0.1/token", "/api/chatd/1.0/users/me/rooms/R/messages"
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"a 500 may be stored", &Error{Status: 500, Method: "POST", Path: post}, true},
		{"a 504 may be stored", &Error{Status: 504, Method: "POST", Path: post}, true},
		{"a time-out may be stored", &TransportError{Op: "POST " + post, Sent: true, Err: context.DeadlineExceeded}, true},
		{"wrapped as well", fmt.Errorf("failed to post: %w", &Error{Status: 500, Method: "POST", Path: post}), true},
		{"a refused connection is not stored", &TransportError{Op: "POST " + post, Err: errors.New("refused")}, false},
		{"a 400 is not stored", &Error{Status: 400, Method: "POST", Path: post}, false},
		{"a redirection is not stored", &Error{Status: 301, Method: "POST", Path: post}, false},
		{"an unreachable auth comes before storing", &Error{Status: 503, ID: "authentication-server-unreachable", Method: "POST", Path: post}, false},
		{"a log-in that fails comes before storing", &Error{Status: 500, Method: "POST", Path: login}, false},
		{"a log-in that times out comes before storing", &TransportError{Op: "POST " + login, Sent: true, Err: context.DeadlineExceeded}, false},
		{"an error of the token store comes before storing", errors.New("disk full"), false},
		{"no error", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, OutcomeUnknown(tt.err)) })
	}
}
