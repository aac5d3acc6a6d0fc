package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// LogInRequest is what a person logs in to Wazo with.
type LogInRequest struct {
	Username string
	Password []byte // the caller may overwrite it afterwards
	Domain   string // of an LDAP directory; "" for others
}

// LoggedIn is a log-in that has succeeded.
type LoggedIn struct {
	User id.UserID
	As   words.WazoUser
}

// LogInOutcome says why a person was not logged in.
type LogInOutcome string

// All outcomes but success.
const (
	LogInNotAllowed     LogInOutcome = "not_allowed"       // the person may not use the bot
	LogInAlready        LogInOutcome = "already_logged_in" // with this or another account
	LogInUnderWay       LogInOutcome = "under_way"         // the person is being logged in or out at the same time
	LogInWrong          LogInOutcome = "wrong_password"    // or the account is disabled, or there is none
	LogInDisabled       LogInOutcome = "disabled"          // the account is
	LogInNoChat         LogInOutcome = "no_chat"           // the account lacks rights on Wazo
	LogInServiceDown    LogInOutcome = "service_down"      // wazo-auth does not answer
	LogInTooMany        LogInOutcome = "too_many_sessions"
	LogInOtherTenant    LogInOutcome = "other_tenant"
	LogInRelayAccount   LogInOutcome = "relay_account"
	LogInTakenByAnother LogInOutcome = "taken" // another Matrix user is logged in with the account
)

// LogInError says that a person was not logged in. It wraps a *UserError with the same words.
type LogInError struct {
	Outcome LogInOutcome
	Words   string // for the person
}

// Error implements error.
func (e *LogInError) Error() string { return "log-in refused: " + string(e.Outcome) }

// Unwrap returns the *UserError.
func (e *LogInError) Unwrap() error { return &UserError{e.Words} }

// MayTryAgain reports whether another try may succeed.
func (e *LogInError) MayTryAgain() bool {
	return e.Outcome != LogInNotAllowed && e.Outcome != LogInAlready
}

func refuseLogIn(outcome LogInOutcome, words string) error { return &LogInError{outcome, words} }

// LogIn logs a person in to Wazo, so that the relay acts for them there until they log out. It stores a refresh token, and tells
// the person so in their direct chat. It limits nothing: that is for who asks. The error is a *LogInError if Wazo or the relay
// refuses the log-in; then nothing of it remains, as far as Wazo can be reached.
func (r *Relay) LogIn(ctx context.Context, user id.UserID, request LogInRequest) (LoggedIn, error) {
	if err := r.mayLogIn(user); err != nil {
		return LoggedIn{}, err
	} else if !r.loggingIn.Add(user) {
		return LoggedIn{}, refuseLogIn(LogInUnderWay, r.texts.LoginUnderWay())
	}
	defer r.loggingIn.Remove(user)
	suffix, err := r.endEarlierLogIn(ctx, user)
	if err != nil {
		return LoggedIn{}, err
	}
	token, grant, err := r.accounts.client.LogInOffline(ctx, wazoapi.OfflineLogIn{
		Username: request.Username, Password: request.Password, Domain: request.Domain, ClientID: r.clientID(user) + suffix,
	})
	if err != nil {
		return LoggedIn{}, r.explainLogIn(ctx, request.Username, err)
	}
	row := &db.Account{
		MatrixUser: user, Username: request.Username, UserUUID: string(token.UserUUID), TenantUUID: string(token.TenantUUID),
		ClientID: grant.ClientID, Since: jsontime.UM(time.Now()),
	}
	api := r.accounts.client.AccountByRefresh(grant, nil, wazoapi.AccountOptions{Token: token})
	as := r.wazoUser(ctx, token.UserUUID, request.Username)
	if err = r.checkAccount(ctx, user, token, api); err == nil {
		err = r.storeLogIn(ctx, row, grant, token, as)
	}
	if err != nil {
		if left := r.discard(ctx, api, grant.ClientID); left {
			err = r.sayLeft(err)
		}
		return LoggedIn{}, err
	}
	r.log.Info().Stringer("matrix_user", user).Str("wazo_user", row.UserUUID).Msg("A person logged in to Wazo")
	return LoggedIn{User: user, As: as}, nil
}

// clientID returns the name under which Wazo lists the log-in of a person.
func (r *Relay) clientID(user id.UserID) string {
	return wazoapi.ClientID(user.String(), r.matrix.UserID().String())
}

// mayLogIn refuses who may not use the bot.
func (r *Relay) mayLogIn(user id.UserID) error {
	if !r.cfg.Rights.mayLogIn(user) {
		return refuseLogIn(LogInNotAllowed, r.texts.NotAllowed())
	}
	return nil
}

// MayLogIn returns a *LogInError if a person may not log in, or is logged in already.
func (r *Relay) MayLogIn(ctx context.Context, user id.UserID) error {
	if err := r.mayLogIn(user); err != nil {
		return err
	}
	row, err := r.db.Account.Login(ctx, user)
	if err != nil || row == nil || row.State != db.AccountActive {
		return err
	}
	return r.alreadyLoggedIn(ctx, row)
}

func (r *Relay) alreadyLoggedIn(ctx context.Context, row *db.Account) error {
	return refuseLogIn(LogInAlready, r.texts.AlreadyLoggedIn(r.wazoUserOf(ctx, row), row.Since.Time))
}

// secondClient is put behind the client id of a log-in while an earlier one has the client id: what is still under way to delete
// that must not delete the new one.
const secondClient = " 2"

// endEarlierLogIn makes sure that nothing of an earlier log-in of a person is left on Wazo. It returns what is to be put behind
// the client id of the new one.
func (r *Relay) endEarlierLogIn(ctx context.Context, user id.UserID) (suffix string, err error) {
	row, err := r.db.Account.Login(ctx, user)
	if err != nil || row == nil {
		return "", err
	}
	if row.ClientID == r.clientID(user) {
		suffix = secondClient
	}
	switch row.State {
	case db.AccountLeaving:
		return suffix, r.finishLogOut(ctx, row)
	case db.AccountActive:
		if acc := r.accounts.of(user); acc == nil || !r.isOver(ctx, acc) {
			return "", r.alreadyLoggedIn(ctx, row)
		}
	}
	return suffix, nil
}

// isOver reports whether Wazo does not accept the log-in of a person any more. It tells the person, if so.
func (r *Relay) isOver(ctx context.Context, acc *account) bool {
	err := acc.api.Check(ctx)
	if !errors.Is(err, wazoapi.ErrLogInEnded) {
		return false
	}
	if err = r.accounts.refused(ctx, acc, err); err != nil {
		r.log.Err(err).Msg("Failed to store that Wazo refuses a log-in")
	}
	return true
}

// explainLogIn says in words why wazo-auth did not log a person in.
func (r *Relay) explainLogIn(ctx context.Context, username string, err error) error {
	switch {
	case errors.Is(err, wazoapi.ErrTooManySessions):
		return refuseLogIn(LogInTooMany, r.texts.TooManySessions())
	case errors.Is(err, wazoapi.ErrUnknownTenant):
		return refuseLogIn(LogInWrong, r.texts.WrongPassword())
	case errors.Is(err, wazoapi.ErrAuthDown):
		r.log.Warn().Err(err).Msg("Wazo does not log a person in")
		return refuseLogIn(LogInServiceDown, r.texts.LoginServiceDown())
	case errors.Is(err, wazoapi.ErrLogInRefused):
		state, err := r.account.api.UserStateByLogin(ctx, username)
		if err == nil && state == wazoapi.UserDisabled {
			return refuseLogIn(LogInDisabled, r.texts.AccountDisabled())
		}
		return refuseLogIn(LogInWrong, r.texts.WrongPassword())
	default:
		return fmt.Errorf("failed to log in to Wazo: %w", err)
	}
}

// checkAccount refuses an account that a person may not log in with.
func (r *Relay) checkAccount(ctx context.Context, user id.UserID, token wazoapi.Token, api *wazoapi.Account) error {
	switch {
	case r.account.row.TenantUUID == "": // the relay account could not log in yet
		return refuseLogIn(LogInServiceDown, r.texts.LoginServiceDown())
	case string(token.TenantUUID) != r.account.row.TenantUUID:
		return refuseLogIn(LogInOtherTenant, r.texts.OtherTenant())
	case token.UserUUID == r.account.uuid():
		return refuseLogIn(LogInRelayAccount, r.texts.RelayAccount())
	}
	missing, err := api.MissingScopes(ctx, wazoapi.LoginScopes()...)
	if wazoapi.IsAuth(err) {
		return refuseLogIn(LogInServiceDown, r.texts.LoginServiceDown())
	} else if err != nil {
		return fmt.Errorf("failed to check the rights of an account: %w", err)
	} else if len(missing) > 0 {
		return refuseLogIn(LogInNoChat, r.texts.AccountMayNotChat(missing))
	}
	return r.checkNotTaken(ctx, user, token.UserUUID)
}

// checkNotTaken refuses an account with which another person is logged in, and tells that person. An account that the other
// person has left, or whose log-in Wazo does not accept any more, is free.
func (r *Relay) checkNotTaken(ctx context.Context, user id.UserID, wazoUser wazoapi.UUID) error {
	row, err := r.db.Account.LoginOfWazoUser(ctx, string(wazoUser))
	if err != nil || row == nil || row.MatrixUser == user {
		return err
	}
	switch row.State {
	case db.AccountLeaving:
		if !r.loggingIn.Add(row.MatrixUser) {
			return refuseLogIn(LogInUnderWay, r.texts.LoginUnderWay())
		}
		defer r.loggingIn.Remove(row.MatrixUser)
		return r.finishLogOut(ctx, row)
	case db.AccountRefused:
		return nil
	}
	if acc := r.accounts.byUUID(wazoUser); acc != nil && r.isOver(ctx, acc) {
		return nil
	}
	if err = r.SayTo(ctx, row.MatrixUser, r.texts.AccountWasTried(user.String())); err != nil {
		return err
	}
	return refuseLogIn(LogInTakenByAnother, r.texts.AccountTaken())
}

// storeLogIn stores a log-in, takes it into use, and says so.
func (r *Relay) storeLogIn(ctx context.Context, row *db.Account, grant wazoapi.RefreshGrant, token wazoapi.Token, as words.WazoUser) error {
	var owner id.UserID
	err := r.db.DoTxn(ctx, func(ctx context.Context) error {
		if earlier, err := r.db.Account.LoginOfWazoUser(ctx, row.UserUUID); err != nil {
			return err
		} else if earlier != nil && earlier.MatrixUser != row.MatrixUser {
			if earlier.State != db.AccountRefused {
				owner = earlier.MatrixUser
				return refuseLogIn(LogInTakenByAnother, r.texts.AccountTaken()) // at this very moment
			} else if err = r.db.Account.ForgetLogin(ctx, earlier.ID); err != nil {
				return err
			}
			r.accounts.remove(ctx, earlier.ID)
		}
		if err := r.db.Account.PutLogin(ctx, row, grant.Token); err != nil {
			return err
		} else if err = r.accounts.put(ctx, row, token); err != nil {
			return err
		} else if err = r.endMapping(ctx, row, as); err != nil {
			return err
		}
		return r.SayTo(ctx, row.MatrixUser, r.texts.LoggedIn(row.MatrixUser.String(), as))
	})
	if refused := (*LogInError)(nil); errors.As(err, &refused) { // nothing of the transaction remains, so the owner is told now
		return cmp.Or(r.SayTo(ctx, owner, r.texts.AccountWasTried(row.MatrixUser.String())), err)
	} else if err != nil {
		return fmt.Errorf("failed to store a log-in: %w", err)
	}
	return nil
}

// endMapping ends, within a transaction, the mapping of somebody else to the user on Wazo as whom a person has logged in, and tells
// the administrator who made it.
func (r *Relay) endMapping(ctx context.Context, row *db.Account, as words.WazoUser) error {
	mapped, err := r.db.Identity.OfWazoUser(ctx, row.UserUUID)
	if err != nil || mapped == nil || mapped.MatrixUser == row.MatrixUser {
		return err
	} else if err = r.identities.remove(ctx, "", wazoapi.UUID(row.UserUUID)); err != nil {
		return err
	}
	return r.SayTo(ctx, mapped.MappedBy, r.texts.MappingEnded(row.MatrixUser.String(), mapped.MatrixUser.String(), as))
}

// discardTimeout is how long it is tried to take a log-in back. It is tried also if the time for the log-in is over.
const discardTimeout = 10 * time.Second

// discard takes a log-in back that is not to be used. It reports whether the log-in is left on Wazo all the same.
func (r *Relay) discard(ctx context.Context, api *wazoapi.Account, clientID string) (left bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	kept, err := revoke(ctx, api, clientID)
	if err != nil || kept {
		r.log.Warn().Err(err).Str("client_id", clientID).Bool("forbidden", kept).Msg("Failed to take a refused log-in back")
	}
	return err != nil || kept
}

// sayLeft adds to the words of a refused log-in that it is left on Wazo.
func (r *Relay) sayLeft(err error) error {
	var refused *LogInError
	if !errors.As(err, &refused) {
		return err
	}
	return refuseLogIn(refused.Outcome, refused.Words+" "+r.texts.LoginLeft())
}

// revoke deletes a refresh token and the access token that was made from it. It reports whether the refresh token is kept
// because the account may not delete it.
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
	if err := api.Logout(ctx); err != nil { // the token ends by itself
		zerolog.Ctx(ctx).Warn().Err(err).Str("client_id", clientID).Msg("Failed to end a session on Wazo")
	}
	return kept, nil
}

// LogOut ends the log-in of a person at once. Wazo is told now, or later if it does not answer. It returns what to tell the
// person, or a *UserError if they are not logged in.
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

// finish deletes the log-in of a person who has logged out on Wazo, and then here. It reports whether Wazo keeps it. acc is the
// account as it was used, nil if that is not known any more.
func (r *Relay) finish(ctx context.Context, row *db.Account, acc *account) (kept bool, err error) {
	api := (*wazoapi.Account)(nil)
	if acc != nil {
		api = acc.api
	} else {
		token, err := r.db.Account.RefreshToken(ctx, row.ID)
		if err != nil {
			return false, fmt.Errorf("failed to read a refresh token: %w", err)
		}
		api = r.accounts.client.AccountByRefresh(wazoapi.RefreshGrant{Token: token, ClientID: row.ClientID}, nil, wazoapi.AccountOptions{})
	}
	if kept, err = revoke(ctx, api, row.ClientID); err != nil {
		return false, err
	}
	if err = r.db.Account.ForgetLogin(ctx, row.ID); err != nil {
		return false, fmt.Errorf("failed to forget a log-in: %w", err)
	}
	return kept, nil
}

// finishLogOut finishes an earlier log-out, because its place is needed. The error is a *LogInError if Wazo does not answer.
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

// finishOwed finishes the log-out of a person. It fails while they are being logged in or out, which may finish it or not.
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

// keepLoginsChecked asks Wazo for each log-in, once in each interval, whether it is still accepted. They are asked for one after
// the other.
func (r *Relay) keepLoginsChecked(ctx context.Context) {
	for {
		all := r.accounts.all()
		pause := r.cfg.LoginCheck / time.Duration(max(1, len(all)))
		for i := 0; i == 0 || i < len(all); i++ {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			// The person may have logged out or in again meanwhile.
			if i < len(all) && r.accounts.of(all[i].row.MatrixUser) == all[i] {
				r.checkLogin(ctx, all[i])
			}
		}
	}
}

func (r *Relay) checkLogin(ctx context.Context, acc *account) {
	err := acc.api.Check(ctx)
	if err == nil || ctx.Err() != nil {
		return
	} else if !errors.Is(err, wazoapi.ErrLogInEnded) {
		r.log.Debug().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Failed to check a log-in")
		return
	}
	if err = r.accounts.refused(ctx, acc, err); err != nil {
		r.log.Err(err).Msg("Failed to store that Wazo refuses a log-in")
	}
}

// WhoAmI is what is known of a person.
type WhoAmI struct {
	Login    *words.LoginState // nil: the person has not logged in
	MappedTo *words.WazoUser   // nil: nobody has mapped the person
	MappedBy id.UserID
}

// WhoAmI returns as whom a person is known on Wazo.
func (r *Relay) WhoAmI(ctx context.Context, user id.UserID) (who WhoAmI, err error) {
	row, err := r.db.Account.Login(ctx, user)
	if err != nil {
		return who, err
	} else if row != nil && row.State != db.AccountLeaving {
		state := r.loginState(ctx, row)
		who.Login = &state
		return who, nil
	}
	mapped, err := r.db.Identity.Get(ctx, user)
	if err != nil || mapped == nil {
		return who, err
	}
	as := r.wazoUser(ctx, wazoapi.UUID(mapped.WazoUUID), "")
	who.MappedTo, who.MappedBy = &as, mapped.MappedBy
	return who, nil
}

// Logins returns who is logged in, sorted by Matrix user.
func (r *Relay) Logins(ctx context.Context) ([]words.LoginState, error) {
	rows, err := r.db.Account.Logins(ctx)
	logins := make([]words.LoginState, len(rows))
	for i, row := range rows {
		logins[i] = r.loginState(ctx, row)
	}
	return logins, err
}

func (r *Relay) loginState(ctx context.Context, row *db.Account) words.LoginState {
	return words.LoginState{
		User: row.MatrixUser.String(), As: r.wazoUserOf(ctx, row), Since: row.Since.Time,
		Refused: row.State == db.AccountRefused, Leaving: row.State == db.AccountLeaving,
	}
}

func (r *Relay) wazoUserOf(ctx context.Context, row *db.Account) words.WazoUser {
	return r.wazoUser(ctx, wazoapi.UUID(row.UserUUID), row.Username)
}
