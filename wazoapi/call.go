package wazoapi

import (
	"context"
	"errors"
	"net/http"
)

// call makes a request as the account. If the token turns out to be invalid it
// is renewed, and the request is repeated, once: a 401 means that nothing was
// done.
func (a *Account) call(ctx context.Context, r request, out any) error {
	token, err := a.Token(ctx)
	if err != nil {
		return err
	}
	r.token = token.Token
	err = a.c.fetch(ctx, r, out)
	rejection, ok := errors.AsType[*Error](err)
	if !ok || rejection.Status != http.StatusUnauthorized {
		return err
	}
	if invalid, checkErr := a.isTokenInvalid(ctx, token, rejection); checkErr != nil {
		return checkErr
	} else if !invalid {
		return err
	}
	token, err = a.replaceToken(ctx, token, rejection)
	if err != nil {
		return err
	}
	r.token = token.Token
	return a.c.fetch(ctx, r, out)
}

// isTokenInvalid reports whether a 401 came of an invalid token rather than of a
// missing permission (docs/wazo.md, "Errors of chatd"). Where the answer
// doesn't say, wazo-auth is asked: logging in again for each missing permission
// would use up the account's sessions.
func (a *Account) isTokenInvalid(ctx context.Context, token Token, rejection *Error) (bool, error) {
	switch rejection.Reason {
	case ReasonTokenInvalid:
		return true, nil
	case ReasonMissingPermission:
		return false, nil
	}
	alive, err := a.c.isTokenKnown(ctx, token.Token)
	return !alive, err
}
