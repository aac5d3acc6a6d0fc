package relay

import (
	"context"
	"sync"

	"wazo-matrix-relay/wazoapi"
)

// phonebook is the directory of Wazo. It is read through the relay account or, if there is none, through the account of
// somebody who has logged in. It is safe for concurrent use.
type phonebook struct {
	accounts *accounts

	mu    sync.Mutex
	acc   *account // that names reads through
	names *wazoapi.Directory
	unfit map[*account]bool // accounts that may not read the directory
}

func newPhonebook(accounts *accounts) *phonebook {
	return &phonebook{accounts: accounts, unfit: make(map[*account]bool)}
}

// use calls fn with the directory. If the account that is used may not read it, another one is tried. It reports false
// if there is no account.
func (p *phonebook) use(fn func(*wazoapi.Directory) error) (used bool, err error) {
	for {
		acc, names := p.choose()
		if acc == nil {
			return used, err
		}
		used, err = true, fn(names)
		if err == nil || acc == p.accounts.relay || whyInstead(err) == "" {
			return true, err
		}
		p.mu.Lock()
		p.unfit[acc] = true
		p.mu.Unlock()
	}
}

// choose returns the account through which the directory is read now, nil if there is none.
func (p *phonebook) choose() (*account, *wazoapi.Directory) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.acc != nil && !p.unfit[p.acc] && p.accounts.isInUse(p.acc) {
		return p.acc, p.names
	}
	inUse := p.accounts.inUse()
	var chosen *account
	for _, acc := range inUse {
		if p.unfit[acc] {
			continue
		} else if chosen == nil {
			chosen = acc
		}
	}
	for acc := range p.unfit { // those that are gone
		if p.accounts.withID(acc.row.ID) != acc {
			delete(p.unfit, acc)
		}
	}
	if chosen == nil {
		return nil, nil
	}
	p.acc, p.names = chosen, wazoapi.NewDirectory(chosen.api, nameTTL)
	return p.acc, p.names
}

// Names returns the names of users on Wazo. Who is absent from the result is not known, as are all if there is no
// account.
func (p *phonebook) Names(ctx context.Context, uuids ...wazoapi.UUID) (found map[wazoapi.UUID]string, err error) {
	_, err = p.use(func(names *wazoapi.Directory) error {
		found, err = names.Names(ctx, uuids...)
		return err
	})
	return found, err
}

// Known returns those names of users on Wazo that are known without a request, however old they are.
func (p *phonebook) Known(uuids ...wazoapi.UUID) map[wazoapi.UUID]string {
	if _, names := p.choose(); names != nil {
		return names.Known(uuids...)
	}
	return nil
}

// Contacts is like Names, but returns all that the directory says of the users.
func (p *phonebook) Contacts(ctx context.Context, uuids ...wazoapi.UUID) (found map[wazoapi.UUID]wazoapi.Contact, err error) {
	_, err = p.use(func(names *wazoapi.Directory) error {
		found, err = names.Contacts(ctx, uuids...)
		return err
	})
	return found, err
}

// Search returns the people that a text means. It reports false if there is no account that could ask.
func (p *phonebook) Search(ctx context.Context, text string) (found []wazoapi.Contact, asked bool, err error) {
	asked, err = p.use(func(names *wazoapi.Directory) error {
		found, err = names.Search(ctx, text)
		return err
	})
	return found, asked, err
}

// Check asks the directory something cheap. It reports false if there is no account that could ask.
func (p *phonebook) Check(ctx context.Context) (asked bool, err error) {
	return p.use(func(names *wazoapi.Directory) error { return names.Check(ctx) })
}
