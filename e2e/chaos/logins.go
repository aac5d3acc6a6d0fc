package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
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

	number wazotest.Identity // for text messages, with Config.SMS

	mu    sync.Mutex // held while the person logs in or out
	since time.Time
	// private is held for reading while the person says something on Matrix in a
	// conversation of which the relay's account is no member, see withoutPrivateTalk.
	private sync.RWMutex
}

// openLogins has Sam log in, before anybody talks and before the first copy of the
// database, and Kim, who is in a conversation only. Robin is relayed.
func (s *fixture) openLogins(ctx context.Context, _ string) error {
	if err := s.openLogin(ctx, samName, "Samwise", "Gamgee"); err != nil || s.cfg.Conversations < 1 {
		return err
	}
	return s.openLogin(ctx, kimName, "Kimberly", "Took")
}

func (s *fixture) openLogin(ctx context.Context, name, first, last string) error {
	person, err := s.Person(ctx, name, harness.Encrypted)
	if err != nil {
		return err
	}
	// A key that is on its way to the bot while the database is replaced by a copy is
	// lost: only the latest database could decrypt it.
	person.GiveRequestedKeys()
	l := &login{person: person, name: person.UserID().Localpart(), account: s.Hire(first, last)}
	s.giveNumber(l)
	if l.desk, err = person.CreateRoom(ctx, harness.RoomOptions{Invite: []id.UserID{s.BotID()}}); err != nil {
		return err
	}
	if _, err = person.WaitEvent(ctx, l.desk, harness.Membership(s.BotID(), event.MembershipJoin)); err != nil {
		return err
	}
	if err = s.LogIn(ctx, person, l.desk, l.account); err != nil {
		return s.Explain(err)
	}
	l.since = time.Now()
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
func (s *fixture) endLogins(ctx context.Context, lasts time.Duration) (met bool, err error) {
	if s.pair == nil && s.keeper.leaseWithin() > 0 {
		// A relay that waits for a lease hears of a new conversation late, and what was said before
		// a person logs in again opens none.
		s.opening.Lock()
		defer s.opening.Unlock()
	}
	err = s.withoutPrivateTalk(ctx, s.logins, func() error { return s.endLoginsNow(ctx, lasts) })
	return err == nil, err
}

func (s *fixture) endLoginsNow(ctx context.Context, lasts time.Duration) error {
	ended := time.Now()
	for _, l := range s.logins {
		s.Wazo.RevokeRefreshTokens(l.account)
		s.Wazo.RevokeTokens(l.account)
	}
	instead := s.instead.count()
	if err := sleep(ctx, lasts); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = s.instead.reach(limited, instead+1) // perhaps nobody says anything
	return s.logInAgain(ctx, func(since time.Time) bool { return since.Before(ended) })
}

// logInAfterRestore has those log in again whose log-in is newer than the copy of the
// database that the relay has now: Wazo has deleted the one in the copy.
func (s *fixture) logInAfterRestore(ctx context.Context, made, restored time.Time) error {
	return s.logInAgain(ctx, func(since time.Time) bool { return since.After(made) && since.Before(restored) })
}

// logInAgain has those log in again whose log-in does not work any more, judged by when
// it was made.
func (s *fixture) logInAgain(ctx context.Context, isOver func(since time.Time) bool) error {
	for _, l := range s.logins {
		l.mu.Lock()
		var err error
		if isOver(l.since) {
			err = s.logInSurely(ctx, l)
			l.since = time.Now()
		}
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// errLoggedIn means that the relay takes a person for logged in.
var errLoggedIn = errors.New("the relay refuses a log-in, because there is one")

// noticedWithin is after how long the relay has surely noticed that a log-in is over. It
// asks once in Config.Probe, but may be killed meanwhile.
const noticedWithin = 15 * time.Second

// logInSurely has a person log in as often as it takes. The relay refuses that until it
// has noticed that the log-in which it knows is over, and when it is killed the links
// end. A log-in whose outcome got lost has succeeded if the relay goes on refusing.
func (s *fixture) logInSurely(ctx context.Context, l *login) error {
	began := time.Now()
	for {
		limited, cancel := context.WithTimeout(ctx, healthyWithin)
		err := s.logInOnce(limited, l)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errLoggedIn) && time.Since(began) > noticedWithin:
			return nil
		case time.Since(began) > logInWithin:
			return fmt.Errorf("%s cannot log in again: %w", l.person.UserID(), err)
		}
		if err = sleep(ctx, sendAgain); err != nil {
			return err
		}
	}
}

// logInOnce has a person log in. They ask for the link unless the homeserver is about to
// be stopped in order.
func (s *fixture) logInOnce(ctx context.Context, l *login) error {
	answer, err := s.command(ctx, l, stage.LoginCommand)
	if err != nil {
		return err
	} else if strings.Contains(answer, "already logged in") {
		return errLoggedIn
	}
	return stage.LogInByLink(ctx, answer, l.account)
}
