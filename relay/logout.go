package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// LogOut ends the log-in of a person at once. Wazo is told now, or later if it does not answer. It returns what to tell
// the person, or a *UserError if they are not logged in.
func (r *Relay) LogOut(ctx context.Context, user id.UserID) (string, error) {
	if !r.loggingIn.Add(user) {
		return "", refuse(r.texts.LoginUnderWay())
	}
	defer r.loggingIn.Remove(user)
	row, err := r.db.Account.Login(ctx, user)
	if err != nil {
		return "", err
	} else if row == nil || row.State == db.AccountLeaving {
		return "", refuse(r.texts.NotLoggedIn())
	}
	as := r.wazoUserOf(ctx, row)
	acc := r.accounts.withID(row.ID)
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		r.accounts.remove(ctx, row.ID)
		return r.db.Account.SetState(ctx, row.ID, db.AccountLeaving)
	})
	if err != nil {
		return "", fmt.Errorf("failed to store a log-out: %w", err)
	}
	r.log.Info().Stringer("matrix_user", user).Str("wazo_user", row.UserUUID).Msg("A person logged out of Wazo")
	kept, err := r.finish(ctx, row, acc)
	switch {
	case err != nil:
		r.log.Warn().Err(err).Stringer("matrix_user", user).Msg("Failed to delete a log-in on Wazo, trying again later")
		r.tasks.WakeAfter(backoff.First, job{kind: jobRevoke})
		return r.texts.LoggedOutHere(as), nil
	case kept:
		return r.texts.LoggedOutKept(as), nil
	default:
		return r.texts.LoggedOut(as), nil
	}
}

// finish deletes the log-in of a person who has logged out on Wazo, and then here. It reports whether Wazo keeps it.
// acc is the account as it was used, nil if that is not known any more.
func (r *Relay) finish(ctx context.Context, row *db.Account, acc *account) (kept bool, err error) {
	var api *wazoapi.Account
	if acc != nil {
		api = acc.api
	} else {
		token, err := r.db.Account.RefreshToken(ctx, row.ID)
		if err != nil {
			return false, fmt.Errorf("failed to read a refresh token: %w", err)
		}
		api = r.accounts.client.AccountByRefresh(wazoapi.RefreshGrant{Token: token, ClientID: row.ClientID}, nil, wazoapi.AccountOptions{})
	}
	r.removeHooks(ctx, api)
	if kept, err = revoke(ctx, api, row.ClientID); err != nil {
		return false, err
	}
	if err = r.db.Account.ForgetLogin(ctx, row.ID); err != nil {
		return false, fmt.Errorf("failed to forget a log-in: %w", err)
	}
	return kept, nil
}

// finishLogOut finishes an earlier log-out, because its place is needed. The error is a *LogInError if Wazo does not
// answer.
func (r *Relay) finishLogOut(ctx context.Context, row *db.Account) error {
	if _, err := r.finish(ctx, row, nil); err != nil {
		r.log.Warn().Err(err).Stringer("matrix_user", row.MatrixUser).Msg("Failed to delete an earlier log-in on Wazo")
		return refuseLogIn(LogInServiceDown, r.texts.LoginServiceDown())
	}
	return nil
}

// finishLogOuts finishes what LogOut could not.
func (r *Relay) finishLogOuts(ctx context.Context) error {
	rows, err := r.db.Account.Logins(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the accounts of people: %w", err)
	}
	var failed error
	for _, row := range rows {
		if row.State == db.AccountLeaving {
			failed = errors.Join(failed, r.finishOwed(ctx, row.MatrixUser))
		}
	}
	return failed
}

// finishOwed finishes the log-out of a person. It fails while they are being logged in or out, which may finish it or
// not.
func (r *Relay) finishOwed(ctx context.Context, user id.UserID) error {
	if !r.loggingIn.Add(user) {
		return fmt.Errorf("%s is being logged in or out", user)
	}
	defer r.loggingIn.Remove(user)
	row, err := r.db.Account.Login(ctx, user)
	if err != nil || row == nil || row.State != db.AccountLeaving {
		return err
	}
	_, err = r.finish(ctx, row, nil)
	return err
}

// revoke deletes a refresh token and the access token that was made from it. It reports whether the refresh token is
// kept because the account may not delete it.
func revoke(ctx context.Context, api *wazoapi.Account, clientID string) (kept bool, err error) {
	err = api.RevokeRefresh(ctx, clientID)
	var answer *wazoapi.Error
	switch {
	case errors.Is(err, wazoapi.ErrLogInEnded):
		err = nil
	case errors.As(err, &answer) && answer.MissingPermission():
		kept, err = true, nil
	}
	if err != nil {
		return false, err
	}
	if err := api.End(ctx); err != nil { // the token ends by itself
		zerolog.Ctx(ctx).Warn().Err(err).Str("client_id", clientID).Msg("Failed to end a session on Wazo")
	}
	return kept, nil
}
