package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

const (
	logOutCommand = "!wazo logout"
	// takenOverWithin is how long another account may take until it reads a chat.
	takenOverWithin = 30 * time.Second
	// readerChangesEvery is how many messages there are, of the whole run, for each
	// change of a reader.
	readerChangesEvery = 400
	readerQuery        = `SELECT COALESCE(account.matrix_user, '') FROM portal JOIN account ON account.id = portal.reader_id WHERE portal.wazo_room = $1`
)

// changeReaders has whoever reads a conversation for the relay log out, again and again,
// while people talk. Another person's account takes over.
func (s *fixture) changeReaders(ctx context.Context, c *conversation, p pace) error {
	select {
	case <-c.opened:
	case <-ctx.Done():
		return ctx.Err()
	}
	n := max(2, s.cfg.Messages/readerChangesEvery)
	for i := range n {
		if err := p.hold(ctx, 2*i+1, 2*n); err != nil {
			return err
		}
		if err := s.changeReader(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// changeReader has the reader of a conversation log out, and in again when another one
// has taken over and people have gone on talking.
func (s *fixture) changeReader(ctx context.Context, c *conversation) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	reader, err := s.awaitReader(ctx, c, func(*login) bool { return true })
	if err != nil {
		return err
	}
	return s.withoutPrivateTalk(ctx, []*login{reader}, func() error {
		reader.mu.Lock()
		defer reader.mu.Unlock()
		s.say("%s logs out, who reads %s", reader.person.UserID(), c.name)
		if err := s.logOutSurely(ctx, reader); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, takenOverWithin)
		defer cancel()
		if _, err := s.awaitReader(limited, c, func(l *login) bool { return l != reader }); err == nil {
			s.readerChanges.add(1)
		} else if ctx.Err() != nil {
			return err
		}
		heard := c.toMx.arrived.count()
		limited, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
		_ = c.toMx.arrived.reach(limited, heard+1) // perhaps nobody says anything
		err := s.logInSurely(ctx, reader)
		reader.since = time.Now()
		return err
	})
}

// awaitReader returns whose account reads a conversation, as soon as that is somebody who
// fits.
func (s *fixture) awaitReader(ctx context.Context, c *conversation, fits func(*login) bool) (*login, error) {
	for {
		var user string
		// While the database is replaced, it cannot be read.
		if s.Relay.QueryDatabase(ctx, &user, readerQuery, c.Wazo) == nil {
			for _, l := range s.logins {
				if l.person.UserID().String() == user && fits(l) {
					return l, nil
				}
			}
		}
		if err := sleep(ctx, sendAgain); err != nil {
			return nil, fmt.Errorf("nobody reads the conversation, the last reader was %q: %w", user, err)
		}
	}
}

// logOutSurely has a person log out as often as it takes. l.mu must be held.
func (s *fixture) logOutSurely(ctx context.Context, l *login) error {
	for {
		limited, cancel := context.WithTimeout(ctx, healthyWithin)
		answer, err := s.command(limited, l, logOutCommand)
		cancel()
		if err == nil && (strings.Contains(answer, "logged out") || strings.Contains(answer, "not logged in")) {
			return nil
		} else if err == nil {
			s.say("%s does not log out: %s", l.person.UserID(), answer)
		}
		if err = sleep(ctx, sendAgain); err != nil {
			return err
		}
	}
}

// command has a person type a command to the bot, unless the homeserver is about to be
// stopped in order, and returns the answer.
func (s *fixture) command(ctx context.Context, l *login, command string) (string, error) {
	s.speaking.RLock()
	asked, err := l.person.Send(ctx, l.desk, command)
	s.speaking.RUnlock()
	if err != nil {
		return "", err
	}
	return s.Reply(ctx, l.person, l.desk, asked)
}

// withoutPrivateTalk does something while some people say nothing on Matrix in
// conversations of which the relay's account is no member, and nothing of theirs is on its
// way from there: what their own accounts cannot post is not posted at all, and they are
// told so.
func (s *fixture) withoutPrivateTalk(ctx context.Context, logins []*login, fn func() error) error {
	for _, l := range logins {
		l.private.Lock()
		defer l.private.Unlock()
	}
	limited, cancel := context.WithTimeout(ctx, s.cfg.Quiet)
	defer cancel()
	for _, c := range s.opened() {
		for _, l := range logins {
			s.awaitArrival(limited, c, l)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fn()
}

// awaitArrival waits until everything that a person has said in a private conversation is
// on Wazo. That others may talk there meanwhile is why the messages of all together are
// not counted. If one is lost, that is found at the end.
func (s *fixture) awaitArrival(ctx context.Context, c *conversation, l *login) {
	if !c.private {
		return
	}
	began := time.Now()
	for c.ledger.isAwaited(l.name) {
		if sleep(ctx, followEvery) != nil {
			s.say("%s waited for %s in vain: something that they have said in %s is not on Wazo", l.person.UserID(), time.Since(began).Round(time.Second), c.name)
			return
		}
	}
}

// speaker returns the log-in of a person, nil if they have none.
func (s *fixture) speaker(person *harness.Client) *login {
	for _, l := range s.logins {
		if l.person == person {
			return l
		}
	}
	return nil
}
