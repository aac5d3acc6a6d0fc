package relay

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

const (
	maxFound    = 10  // people whom Search shows
	maxContacts = 100 // whom Wazo names for one search; there may be more
)

// Search returns who on Wazo matches a name, an e-mail address or an extension, in words for the person who asks. It
// returns a *UserError if that person is not logged in, or if nobody matches.
func (p *people) Search(ctx context.Context, by id.UserID, name string) (string, error) {
	acc, err := p.own(by)
	if err != nil {
		return "", err
	}
	if name = convert.CleanName(name, convert.MaxProfileBytes); name == "" {
		return "", refuse(p.texts.SearchUsage())
	}
	found, err := p.contacts(ctx, acc, name)
	if err != nil {
		return "", err
	} else if len(found) == 0 {
		return "", refuse(p.texts.NobodyHasAccount(name))
	}
	shown := found[:min(len(found), maxFound)]
	users := make([]wazoapi.UUID, len(shown))
	for i, contact := range shown {
		users[i] = contact.UUID
	}
	presences, known := p.presences(ctx, acc, users...)
	list := words.People{More: len(found) - len(shown), AtLeast: len(found) >= maxContacts, NoPresences: !known}
	for _, contact := range shown {
		list.Shown = append(list.Shown, words.Person{
			Line: p.contactLine(contact, true), Presence: presenceIn(presences, contact.UUID), Relay: p.isRelay(contact.UUID),
		})
	}
	return p.texts.Found(name, list), nil
}

// contacts returns the people on Wazo who match a name: those who are called exactly so first, then by name. An account
// sees the people of its tenant.
func (p *people) contacts(ctx context.Context, acc *account, name string) ([]wazoapi.Contact, error) {
	found, err := contactsOf(acc).Search(ctx, name)
	if err != nil {
		return nil, p.explain(ctx, acc, err)
	}
	found = slices.DeleteFunc(withoutRepetitions(found), func(c wazoapi.Contact) bool { return !c.UUID.Valid() })
	slices.SortFunc(found, func(a, b wazoapi.Contact) int {
		if exactA, exactB := isExactly(a, name), isExactly(b, name); exactA != exactB {
			return map[bool]int{true: -1, false: 1}[exactA]
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.Name()), strings.ToLower(b.Name())), strings.Compare(a.Exten, b.Exten), cmp.Compare(a.UUID, b.UUID))
	})
	return found, nil
}

// isExactly reports whether a text is all of a person's name, e-mail address or extension.
func isExactly(contact wazoapi.Contact, text string) bool {
	return strings.EqualFold(contact.Name(), text) || strings.EqualFold(contact.Email, text) || contact.Exten == text
}
