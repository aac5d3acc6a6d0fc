package chaos

import (
	"context"
	"fmt"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// login is a person who uses their own account on Wazo. What they say on Matrix is
// posted there by this account, or, as long as the account cannot post, by the relay's
// under their name. Both count as the same message. They also write in Wazo's own app,
// at the same time.
type login struct {
	person *harness.Client
	// name is the person's localpart on Matrix, and the name there.
	name    string
	account wazotest.User
	// desk is a Matrix room of the person and the bot only, for commands.
	desk id.RoomID
}

// openLogins has Sam log in, before anybody talks and before the first copy of the
// database. Robin is relayed.
func (s *fixture) openLogins(ctx context.Context, _ string) error {
	sam, err := s.Person(ctx, samName, harness.Encrypted)
	if err != nil {
		return err
	}
	l := &login{person: sam, name: sam.UserID().Localpart(), account: s.Hire("Samwise", "Gamgee")}
	if l.desk, err = sam.CreateRoom(ctx, harness.RoomOptions{Invite: []id.UserID{s.BotID()}}); err != nil {
		return err
	}
	if _, err = sam.WaitEvent(ctx, l.desk, harness.Membership(s.BotID(), event.MembershipJoin)); err != nil {
		return err
	}
	if err = s.LogIn(ctx, sam, l.desk, l.account); err != nil {
		return s.Explain(err)
	}
	s.logins = append(s.logins, l)
	return nil
}

// loginOf returns the log-in of a user on Wazo, nil if it is nobody's.
func (s *fixture) loginOf(user string) *login {
	for _, l := range s.logins {
		if l.account.UUID == user {
			return l
		}
	}
	return nil
}

// saidBy returns who on Matrix has said what a message on Wazo relays, by localpart,
// and whether their own account has posted it. It returns false for what was written
// on Wazo, and for the relay's own notices, which have no alias.
func (s *fixture) saidBy(message wazotest.Message) (who string, native, ok bool) {
	switch l := s.loginOf(message.UserUUID); {
	case l != nil && !s.authors.wrote(message.UUID):
		return l.name, true, true
	case s.FromRelay(message) && message.Alias != nil:
		return withoutSuffix(*message.Alias), false, true
	default:
		return "", false, false
	}
}

// loginEnded is the name of the fault.
const loginEnded = "log-in ended on Wazo"

// logInWithin is how long a person tries to log in again.
const logInWithin = 2 * time.Minute

// endLogins has Wazo forget the log-ins, for a while. What their people say meanwhile
// goes out through the relay's account. Then they log in again.
func (s *fixture) endLogins(ctx context.Context, lasts time.Duration) (bool, error) {
	for _, l := range s.logins {
		s.Wazo.RevokeRefreshTokens(l.account)
		s.Wazo.RevokeTokens(l.account)
	}
	instead := s.instead.count()
	if err := sleep(ctx, lasts); err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = s.instead.reach(limited, instead+1) // perhaps nobody says anything
	for _, l := range s.logins {
		if err := s.logInAgain(ctx, l); err != nil {
			return false, err
		}
	}
	return true, nil
}

// logInAgain has a person log in as often as it takes: the relay may be killed
// meanwhile, and the links end with it.
func (s *fixture) logInAgain(ctx context.Context, l *login) error {
	deadline := time.Now().Add(logInWithin)
	for {
		limited, cancel := context.WithTimeout(ctx, healthyWithin)
		err := s.LogIn(limited, l.person, l.desk, l.account)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("%s cannot log in again: %w", l.person.UserID(), err)
		}
		if err = sleep(ctx, sendAgain); err != nil {
			return err
		}
	}
}
