package relay

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		name    string
		err     error
		class   Class
		unknown bool
		pause   Pause
		wait    time.Duration
	}{
		{name: "chatd refuses the content", err: &wazoapi.Error{Status: 400, ID: "invalid-data"}, class: ClassMessage},
		{name: "nginx refuses the size", err: &wazoapi.Error{Status: 413}, class: ClassMessage},
		{name: "the Wazo room is gone", err: &wazoapi.Error{Status: 404, ID: "unknown-room"}, class: ClassPortal, pause: PauseNoRoom},
		{name: "the relay account was removed", err: errNoMember, class: ClassPortal, pause: PauseNoRoom},
		{name: "the route is gone", err: &wazoapi.Error{Status: 404}, class: ClassService},
		{name: "a permission is missing", err: &wazoapi.Error{Status: 401, ID: "unauthorized", Reason: "missing_permission_or_invalid_tenant"}, class: ClassPortal, pause: PausePermission},
		{name: "another tenant", err: &wazoapi.Error{Status: 401, ID: "unauthorized-tenant"}, class: ClassPortal, pause: PausePermission},
		{name: "the log-in is refused", err: &wazoapi.Error{Status: 401, Method: "POST", Path: "/api/auth/0.1/token"}, class: ClassPortal, pause: PauseLogin},
		{name: "an old server lacks a permission", err: &wazoapi.Error{Status: 401}, class: ClassPortal, pause: PausePermission},
		{name: "an expired token that could not be renewed", err: &wazoapi.Error{Status: 401, Reason: wazoapi.ReasonTokenInvalid}, class: ClassService},
		{name: "a room with outside people", err: &wazoapi.Error{Status: 409, ID: "message-identity-required"}, class: ClassPortal, pause: PauseConflict},
		{name: "a number that cannot be answered", err: &wazoapi.Error{Status: 409, ID: "unreachable-participant"}, class: ClassMessage},
		{name: "a number that was taken away", err: &wazoapi.Error{Status: 400, ID: "invalid-identity"}, class: ClassMessage},
		{name: "too many sessions", err: &wazoapi.Error{Status: 429, Method: "POST", Path: "/api/auth/0.1/token", RetryAfter: 5 * time.Second}, class: ClassService, wait: 5 * time.Second},
		{name: "chatd fails", err: &wazoapi.Error{Status: 500}, class: ClassService, unknown: true},
		{name: "chatd is stopped", err: &wazoapi.Error{Status: 502}, class: ClassService, unknown: true},
		{name: "wazo-auth is unreachable", err: &wazoapi.Error{Status: 503, ID: "authentication-server-unreachable"}, class: ClassService},
		{name: "chatd is slow", err: &wazoapi.Error{Status: 504}, class: ClassService, unknown: true},
		{name: "a redirect", err: &wazoapi.Error{Status: 301}, class: ClassService},
		{name: "Wazo is not reached", err: &wazoapi.TransportError{Err: errors.New("refused")}, class: ClassService},
		{name: "Wazo's answer is lost", err: &wazoapi.TransportError{Sent: true, Err: errors.New("reset")}, class: ClassService, unknown: true},
		{name: "the homeserver refuses the content", err: &MatrixError{Status: 400, Code: "M_BAD_JSON"}, class: ClassMessage},
		{name: "the homeserver refuses the size", err: &MatrixError{Status: 413, Code: "M_UNKNOWN"}, class: ClassMessage},
		{name: "a proxy refuses the size", err: &MatrixError{Status: 413}, class: ClassMessage},
		{name: "a proxy knows no route", err: &MatrixError{Status: 404}, class: ClassService},
		{name: "the bot may not speak", err: &MatrixError{Status: 403, Code: "M_FORBIDDEN"}, class: ClassPortal, pause: PauseForbidden},
		{name: "the Matrix room is gone", err: &MatrixError{Status: 404, Code: "M_NOT_FOUND"}, class: ClassPortal, pause: PauseRemoved},
		{name: "the homeserver does not know the endpoint", err: &MatrixError{Status: 404, Code: "M_UNRECOGNIZED"}, class: ClassService},
		{name: "the Matrix log-in is lost", err: &MatrixError{Status: 401, Code: "M_UNKNOWN_TOKEN"}, class: ClassService},
		{name: "the homeserver limits", err: &MatrixError{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: time.Second}, class: ClassService, wait: time.Second},
		{name: "the homeserver fails", err: &MatrixError{Status: 500, Code: "M_UNKNOWN"}, class: ClassService, unknown: true},
		{name: "the homeserver is behind a dead proxy", err: &MatrixError{Status: 502}, class: ClassService, unknown: true},
		{name: "the homeserver is not reached", err: &MatrixError{NotSent: true, Err: errors.New("refused")}, class: ClassService},
		{name: "the homeserver's answer is lost", err: errLost, class: ClassService, unknown: true},
		{name: "a message that cannot be converted", err: &messageError{why: words.WhyUnreadable}, class: ClassMessage},
		{name: "a bug", err: &task.PanicError{Value: "boom"}, class: ClassMessage},
		{name: "a time-out", err: context.DeadlineExceeded, class: ClassService, unknown: true},
		{name: "anything else", err: errors.New("disk full"), class: ClassService, unknown: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := classify(fmt.Errorf("wrapped: %w", test.err))
			assert.Equal(t, test.class, got.Class)
			assert.Equal(t, test.unknown, got.Unknown)
			assert.Equal(t, test.pause, got.Pause)
			assert.Equal(t, test.wait, got.Wait)
			assert.NotEmpty(t, txt.Why(got.Why))
		})
	}
}

func TestRights(t *testing.T) {
	rights, err := NewRights([]string{"@admin:a.example"}, []string{"@*:b.example"}, []string{"@spam*:*"})
	assert.NoError(t, err)
	assert.True(t, rights.IsAdmin("@admin:a.example"))
	assert.True(t, rights.IsAllowed("@admin:a.example"))
	assert.True(t, rights.IsAllowed("@anybody:b.example"))
	assert.False(t, rights.IsAdmin("@anybody:b.example"))
	assert.False(t, rights.IsAllowed("@anybody:c.example"))
	assert.True(t, rights.IsIgnored("@spammer:c.example"))
	rights, err = NewRights([]string{"@admin:a.example"}, nil, nil)
	assert.NoError(t, err)
	assert.True(t, rights.IsAllowed("@admin:a.example"))
	assert.False(t, rights.IsAllowed("@other:a.example"))
	_, err = NewRights([]string{"admin"}, nil, nil)
	assert.Error(t, err)
}
