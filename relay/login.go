package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
func (e *LogInError) Unwrap() error { return &UserError{Words: e.Words} }

// MayTryAgain reports whether another try may succeed.
func (e *LogInError) MayTryAgain() bool {
	return e.Outcome != LogInNotAllowed && e.Outcome != LogInAlready
}

func refuseLogIn(outcome LogInOutcome, words string) error { return &LogInError{outcome, words} }

// LogIn logs a person in to Wazo, so that the relay acts for them there until they log out. It stores a refresh token,
// and tells the person so in their direct chat. It limits nothing: that is for who asks. The error is a *LogInError if
// Wazo or the relay refuses the log-in; then nothing of it remains, as far as Wazo can be reached.
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

// MayLogIn returns a *LogInError if a person may not log in, or is logged in already. It asks Wazo whether it still
// accepts an earlier log-in of the person, and tells the person if it does not: they are about to replace it.
func (r *Relay) MayLogIn(ctx context.Context, user id.UserID) error {
	if err := r.mayLogIn(user); err != nil {
		return err
	}
	row, err := r.db.Account.Login(ctx, user)
	if err != nil || row == nil || row.State != db.AccountActive || r.isLoginOver(ctx, user) {
		return err
	}
	return r.alreadyLoggedIn(ctx, row)
}

// isLoginOver is isOver for the log-in of a person. It reports false if none is in use.
func (r *Relay) isLoginOver(ctx context.Context, user id.UserID) bool {
	acc := r.accounts.of(user)
	return acc != nil && r.isOver(ctx, acc)
}

func (r *Relay) alreadyLoggedIn(ctx context.Context, row *db.Account) error {
	return refuseLogIn(LogInAlready, r.texts.AlreadyLoggedIn(r.wazoUserOf(ctx, row), row.Since.Time))
}

// secondClient is put behind the client id of a log-in while an earlier one has the client id: what is still under way
// to delete that must not delete the new one.
const secondClient = " 2"

// endEarlierLogIn makes sure that nothing of an earlier log-in of a person is left on Wazo. It returns what is to be
// put behind the client id of the new one.
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
		if !r.isLoginOver(ctx, user) {
			return "", r.alreadyLoggedIn(ctx, row)
		}
	}
	return suffix, nil
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
		if r.account == nil {
			return refuseLogIn(LogInWrong, r.texts.WrongPassword())
		}
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
	switch tenant := r.accounts.tenant(); {
	case tenant == "" && r.account != nil: // it could not log in yet
		return refuseLogIn(LogInServiceDown, r.texts.LoginServiceDown())
	case tenant != "" && string(token.TenantUUID) != tenant:
		return refuseLogIn(LogInOtherTenant, r.texts.OtherTenant())
	case token.UserUUID == r.account.uuid():
		return refuseLogIn(LogInRelayAccount, r.texts.RelayAccount())
	}
	missing, err := api.MissingScopes(ctx, r.events.scopes(wazoapi.LoginScopes())...)
	if wazoapi.IsAuth(err) {
		return refuseLogIn(LogInServiceDown, r.texts.LoginServiceDown())
	} else if err != nil {
		return fmt.Errorf("failed to check the rights of an account: %w", err)
	} else if len(missing) > 0 {
		return refuseLogIn(LogInNoChat, r.texts.AccountMayNotChat(missing))
	}
	return r.checkNotTaken(ctx, user, token.UserUUID)
}

// checkNotTaken refuses an account with which another person is logged in, and tells that person. An account that the
// other person has left, or whose log-in Wazo does not accept any more, is free.
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
		if fits, err := r.isOfTenant(ctx, row); err != nil {
			return err
		} else if !fits {
			return refuseLogIn(LogInOtherTenant, r.texts.OtherTenant())
		}
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
		if err := r.conversations.peopleChanged(ctx); err != nil {
			return err
		}
		if err := r.natives.wake(ctx); err != nil { // some of it may have waited for the account
			return err
		}
		return r.SayTo(ctx, row.MatrixUser, r.texts.LoggedIn(row.MatrixUser.String(), as))
	})
	if refused := (*LogInError)(nil); errors.As(err, &refused) && owner == "" {
		return err
	} else if errors.As(err, &refused) { // nothing of the transaction remains, so the owner is told now
		return cmp.Or(r.SayTo(ctx, owner, r.texts.AccountWasTried(row.MatrixUser.String())), err)
	} else if err != nil {
		return fmt.Errorf("failed to store a log-in: %w", err)
	}
	return nil
}

// isOfTenant reports, within a transaction, whether a log-in is of the tenant that is relayed. Without a relay account
// the first log-in decides that, and several people may log in for the first time at the same moment.
func (r *Relay) isOfTenant(ctx context.Context, row *db.Account) (bool, error) {
	if r.account != nil {
		return true, nil // checkAccount has found that out
	}
	rows, err := r.db.Account.Logins(ctx)
	isOther := func(other *db.Account) bool {
		return other.MatrixUser != row.MatrixUser && other.State != db.AccountLeaving && other.TenantUUID != row.TenantUUID
	}
	return !slices.ContainsFunc(rows, isOther), err
}

// endMapping ends, within a transaction, the mapping of somebody else to the user on Wazo as whom a person has logged
// in, and tells the administrator who made it.
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
