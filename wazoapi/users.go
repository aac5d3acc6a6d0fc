package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// UserState is what wazo-auth says about a user's account.
type UserState string

// All states. A log-in that wazo-auth refuses is answered in the same way for the
// last two and for a wrong password (docs/wazo.md, "Log in").
const (
	UserUnknown  UserState = ""         // the account that asks may not know
	UserEnabled  UserState = "enabled"  // can log in
	UserDisabled UserState = "disabled" // exists, and cannot log in
	UserAbsent   UserState = "absent"   // does not exist in the tenant
)

// authUser is an account as wazo-auth shows it
// (docs/wazo.md, "Users of wazo-auth").
type authUser struct {
	Username string `json:"username"`
	Enabled  bool   `json:"enabled"`
	Emails   []struct {
		Address   string `json:"address"`
		Confirmed bool   `json:"confirmed"`
	} `json:"emails"`
}

func (u authUser) state() UserState {
	if u.Enabled {
		return UserEnabled
	}
	return UserDisabled
}

// logsInAs reports whether a log-in name is the user's: the username or
// a confirmed e-mail address, in any case (docs/wazo.md, "Log in").
func (u authUser) logsInAs(name string) bool {
	if strings.EqualFold(u.Username, name) {
		return true
	}
	for _, email := range u.Emails {
		if email.Confirmed && strings.EqualFold(email.Address, name) {
			return true
		}
	}
	return false
}

// UserState returns the state of a user's account. It is UserUnknown, without an
// error, if the account that asks lacks the right auth.users.USER.read, which only
// administrators have by default. The error is [ErrInvalidUUID], before any
// request, if user is not a uuid.
func (a *Account) UserState(ctx context.Context, user UUID) (UserState, error) {
	path, err := user.inPath()
	if err != nil {
		return UserUnknown, err
	}
	var found authUser
	err = a.call(ctx, request{
		method: http.MethodGet, service: serviceAuth, path: "/users/" + path, timeout: a.c.cfg.Timeout,
	}, &found)
	switch {
	case err == nil:
		return found.state(), nil
	case errors.Is(err, ErrUnknownUser):
		return UserAbsent, nil
	default:
		return UserUnknown, unlessForbidden(err)
	}
}

// UserStateByLogin is UserState of whoever logs in with a name, which is a username
// or a confirmed e-mail address; names in an LDAP directory are not known to
// wazo-auth. The right is auth.users.read. Think before telling the result to
// somebody who only typed the name: it says which accounts exist.
func (a *Account) UserStateByLogin(ctx context.Context, name string) (UserState, error) {
	var answer struct {
		Items []authUser `json:"items"`
	}
	err := a.call(ctx, request{
		method: http.MethodGet, service: serviceAuth, path: "/users",
		query: url.Values{"search": {Clean(name)}}, timeout: a.c.cfg.Timeout,
	}, &answer)
	if err != nil {
		return UserUnknown, unlessForbidden(err)
	}
	for _, found := range answer.Items {
		if found.logsInAs(name) {
			return found.state(), nil
		}
	}
	return UserAbsent, nil
}

// unlessForbidden returns err, or nil if it only says that a right is missing.
func unlessForbidden(err error) error {
	if answer, ok := errors.AsType[*Error](err); ok && answer.MissingPermission() {
		return nil
	}
	return err
}
