package relay

import (
	"maps"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/wazoapi"
)

const (
	choiceTime = 10 * time.Minute // how long a person can choose from a list that was shown to them
	maxChoices = 20               // people in such a list
)

// choice is a conversation that goes on when the person has chosen one of several people with the same name. It is kept
// in memory only: after a restart the person types the names again.
type choice struct {
	start
	found []wazoapi.Contact // as numbered in the list
	until time.Time
}

// letChoose remembers the people who match the name that is to be found next, and returns the list of them.
func (s *starter) letChoose(wanted *start, name string, found []wazoapi.Contact) string {
	shown := found[:min(len(found), maxChoices)]
	lines := make([]string, len(shown))
	for i, contact := range shown {
		lines[i] = s.people.contactLine(contact, true)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.choices, func(_ id.UserID, c *choice) bool { return now.After(c.until) })
	s.choices[wanted.by] = &choice{*wanted, shown, now.Add(choiceTime)}
	return s.people.texts.Choose(name, lines, len(found)-len(shown))
}

// chosen returns the conversation that a person wants who has chosen a number, nil if there is no such number: then the
// number is an extension.
func (s *starter) chosen(by id.UserID, acc *account, number int) *start {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.choices[by]
	if open == nil || open.acc.uuid() != acc.uuid() || time.Now().After(open.until) || number < 1 || number > len(open.found) {
		return nil
	}
	delete(s.choices, by)
	wanted := open.start
	wanted.acc, wanted.names = acc, wanted.names[1:]
	if s.add(&wanted, open.found[number-1]) != nil {
		return nil
	}
	return &wanted
}

// forget takes back the list that was shown to a person.
func (s *starter) forget(by id.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.choices, by)
}
