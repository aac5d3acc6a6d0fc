package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"golang.org/x/sync/errgroup"
)

// This file has people write text messages. Each telephone outside Wazo writes to the number of a person who has logged
// in, who answers on Matrix and now and then in Wazo's app. phone_faults.go says what fails meanwhile, and
// judge_phone.go what there must be at the end.

// How much is said by text messages.
const (
	textsShare  = 0.25 // of the messages of the run, which come on top of them
	leastTexts  = 90
	mostTexts   = 600 // the relay opens few rooms within an hour for numbers that write
	textsOfOne  = 30  // by and to one telephone; more than 60 would wait for an hour
	textsLast   = 0.6 // of the run
	smsRetry    = 300 * time.Millisecond
	phoneNumber = "+1514555%04d" // of telephones and people
)

// phone is a telephone outside Wazo, and the conversation of a person with it.
type phone struct {
	*conversation
	login  *login
	number string
	// first is what the person says to the bot to begin the conversation, empty if the telephone begins. isSent says
	// that the bot has said that this was sent.
	first  string
	isSent bool

	mu      sync.Mutex
	excused map[string]bool // texts from the telephone whose place does not count
}

// outsideLag is how late the relay expects messages from outside.
func (c Config) outsideLag() time.Duration { return 2 * c.delay() }

// giveNumber gives a person a number for text messages, before they log in.
func (s *fixture) giveNumber(l *login) {
	if !s.cfg.SMS {
		return
	}
	s.Wazo.SetSMS(true)
	l.number = s.Wazo.AddNumber(l.account, fmt.Sprintf(phoneNumber, 100+len(s.logins)))
	s.Wazo.SetACL(l.account, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
}

// hirePhones decides on the telephones of the run. One of them is written to first.
func (s *fixture) hirePhones() {
	if !s.cfg.SMS {
		return
	}
	n := max(3, s.texts()/textsOfOne)
	for i := range n {
		l, from := s.logins[i%len(s.logins)], 0.03+0.3*float64(i)/float64(n)
		ph := &phone{
			conversation: &conversation{
				place: &place{
					name: fmt.Sprintf("telephone %d", i+1), people: []*harness.Client{l.person}, private: true, ledger: newLedger(),
					toWazo: newFlow(3, s.cfg.Quiet), toMx: newFlow(3, min(s.cfg.Quiet, patienceUnopened)),
				},
				from: from, to: min(from+textsLast, conversationsEnd), opened: make(chan struct{}),
			},
			login: l, number: fmt.Sprintf(phoneNumber, 1000+i), excused: make(map[string]bool),
		}
		if i == n-1 {
			ph.first = "first words to " + ph.name
		}
		s.phones = append(s.phones, ph)
	}
}

// texts is how many text messages there are in a run.
func (s *fixture) texts() int {
	return min(max(int(textsShare*float64(s.cfg.Messages)), leastTexts), mostTexts)
}

// textWith has a person and a telephone write to each other. stream is the first of their random numbers.
func (s *fixture) textWith(ctx context.Context, ph *phone, stream uint64, progress *milestones) error {
	pace := pace{of: progress, all: progress, first: int(ph.from * float64(s.cfg.Messages)), last: int(ph.to * float64(s.cfg.Messages))}
	if err := progress.reach(ctx, pace.first); err != nil {
		return err
	}
	texter := newScript(s.cfg.Seed, stream, "the owner of "+ph.name)
	if err := s.beginTexts(ctx, ph, texter); err != nil {
		return err
	}
	s.say("%d messages: %s begins", progress.count(), ph.name)
	s.background.Go(func() { s.followWazo(s.whole, ph.place) })
	s.background.Go(func() { s.acceptInvitations(s.whole, ph.conversation, ph.login.person) })
	s.background.Go(func() { s.awaitOpening(s.whole, ph.conversation) })
	n := s.texts() / len(s.phones)
	everybody, ctx := errgroup.WithContext(ctx)
	everybody.Go(func() error {
		defer s.opening.RUnlock()
		return s.requireOpened(ctx, ph.conversation)
	})
	everybody.Go(func() error { return s.textIn(ctx, ph, texter, n/3, pace) })
	everybody.Go(func() error {
		select {
		case <-ph.opened:
			return s.textBack(ctx, ph, newScript(s.cfg.Seed, stream+1, ph.login.name+" to "+ph.name), (stream+1)*1_000_000, n-n/3, pace)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return everybody.Wait()
}

// beginTexts begins a conversation, and waits until Wazo has a room for it. It returns with s.opening held for reading.
func (s *fixture) beginTexts(ctx context.Context, ph *phone, texter *script) error {
	s.opening.RLock()
	if ph.first != "" {
		ph.login.private.RLock()
		limited, cancel := context.WithTimeout(ctx, healthyWithin)
		answer, err := s.command(limited, ph.login, "!wazo sms "+ph.number+" "+ph.first)
		cancel()
		ph.login.private.RUnlock()
		number := readable(ph.number)
		// The process that has sent it may have been killed before it answered.
		isSent := answer == wazoTexts.SMSSent(number, 1) || answer == wazoTexts.SMSSentAlready(number)
		ph.isSent = err == nil && isSent
		s.say("%s was written to: %q, error %v", ph.name, answer, err)
	}
	s.receive(ph, texter.next()+".")
	for {
		rooms := s.Wazo.Rooms()
		if at := slices.IndexFunc(rooms, ph.isRoom); at >= 0 {
			ph.Wazo = rooms[at].UUID
			ph.authors = []wazotest.User{{UUID: rooms[at].Outside, Firstname: readable(ph.number)[:2], Lastname: readable(ph.number)[3:]}, ph.login.account}
			return nil
		}
		if err := sleep(ctx, sendAgain); err != nil {
			s.opening.RUnlock()
			return err
		}
	}
}

// readable is a number as people read it.
func readable(number string) string {
	return number[:2] + " " + number[2:5] + "-" + number[5:8] + "-" + number[8:]
}

// isRoom says whether a room is that of the person and the telephone.
func (ph *phone) isRoom(room wazotest.Room) bool {
	return room.Number == ph.number && slices.Contains(room.Members, ph.login.account.UUID)
}

// textIn has somebody write with the telephone.
func (s *fixture) textIn(ctx context.Context, ph *phone, script *script, n int, pace pace) error {
	for i := 1; i < n; i++ { // the first one was said to begin
		ph.toMx.hold(ctx)
		if err := pace.hold(ctx, i, n); err != nil {
			return err
		}
		s.receive(ph, script.next()+".")
	}
	return nil
}

// textBack has the person answer. What they do besides must cost nothing.
func (s *fixture) textBack(ctx context.Context, ph *phone, script *script, marks uint64, n int, pace pace) error {
	for i := range n {
		ph.toWazo.hold(ctx)
		if err := pace.hold(ctx, i, n); err != nil {
			return err
		}
		mark := fmt.Sprint(marks + uint64(i))
		switch choice := script.rng.IntN(10); choice {
		case 0:
			s.authors.postSMS(ph.Wazo, ph.login.number, mark+" was typed in the app")
			ph.toMx.sent.add(1)
		case 1, 2, 3:
			if err := s.decorate(ctx, ph, []act{edits, reacts, answers}[choice-1], mark+" for free"); err != nil {
				return err
			}
		}
		// After the rest: when it has arrived, whatever they did before is done, see withoutPrivateTalk.
		if err := s.text(ctx, ph, script.next(), script.same, mark); err != nil {
			return err
		}
	}
	return nil
}

// text has the person say something, sometimes with a fault of the provider.
func (s *fixture) text(ctx context.Context, ph *phone, text, same, mark string) error {
	ph.login.private.RLock()
	defer ph.login.private.RUnlock()
	if text != same {
		text += "."
		s.meetProviderFault(ctx, ph, text)
	}
	return s.do(ctx, ph.place, ph.login.person, &deed{kind: says, who: ph.login.name, mark: mark, text: text})
}

// decorate has the person edit something, react to it or reply to it, which is no text message. What has not arrived
// yet is spared: an edit of that is sent.
func (s *fixture) decorate(ctx context.Context, ph *phone, kind act, mark string) error {
	target := ph.ledger.arrivedOf(ph.login.name)
	if target == "" {
		return nil
	}
	text := mark
	if kind == reacts {
		text = thumb + mark
	}
	_, err := s.doSurely(ctx, ph.Matrix, ph.login.person, &deed{kind: kind, who: ph.login.name, mark: mark, text: text, target: target})
	return err
}

// classifyText is classifyWazo with a class of its own for text messages.
func (s *fixture) classifyText(wazo *wazotest.Server, r *http.Request) class {
	c := classifyWazo(r)
	if c != wazoPost || !s.cfg.SMS {
		return c
	}
	room := roomOf(r)
	if slices.ContainsFunc(wazo.Rooms(), func(other wazotest.Room) bool { return other.UUID == room && other.Outside != "" }) {
		return smsPost
	}
	return c
}
