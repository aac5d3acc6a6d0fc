package relay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// accounts are the Wazo accounts that the relay uses: its own, and those of the people who have logged in. It is safe
// for concurrent use. It knows the accounts that are active or refused: one that somebody has left is not used any
// more, even if its refresh token is still to be revoked.
type accounts struct {
	relay  *account       // the relay account, nil if there is none
	former *db.Account    // the row of a relay account that there was earlier; nil if there is one now, or never was
	began  func(*account) // called when an account of a person has come into use
	ended  func(*account) // called when it is not used any more
	client *wazoapi.Client
	db     *db.Database
	texts  words.Texts
	log    zerolog.Logger
	sayTo  func(ctx context.Context, user id.UserID, markdown string) error
	rights *Rights

	mu       sync.Mutex
	loaded   bool
	byID     map[int64]*account // without the relay account, as the maps below
	byUser   map[id.UserID]*account
	byAuthor map[wazoapi.UUID]*account
	sorted   []*account  // those in byID, the oldest first; nil: they have changed
	past     []pastLogin // those that are over, as far as is known
}

// newAccounts returns the accounts of a core. The relay account is there at once; load adds those of people.
func newAccounts(r *Relay, former *db.Account, client *wazoapi.Client) *accounts {
	return &accounts{
		relay: r.account, former: former, began: func(*account) {}, ended: func(*account) {}, client: client, db: r.db, texts: r.texts, log: r.log, sayTo: r.SayTo, rights: &r.cfg.Rights,
		byID: make(map[int64]*account), byUser: make(map[id.UserID]*account), byAuthor: make(map[wazoapi.UUID]*account),
	}
}

// load reads the accounts of people from the database, at the first call that succeeds. It makes no request. It gives
// up the accounts of those who may no longer use the bot.
func (a *accounts) load(ctx context.Context) error {
	a.mu.Lock()
	loaded := a.loaded
	a.mu.Unlock()
	if loaded {
		return nil
	}
	rows, err := a.db.Account.Logins(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the accounts of people: %w", err)
	}
	for _, row := range rows {
		if row.State == db.AccountLeaving {
			continue
		} else if !a.rights.mayLogIn(row.MatrixUser) {
			err = a.end(ctx, row)
		} else {
			err = a.put(ctx, row, wazoapi.Token{})
		}
		if err != nil {
			return err
		}
	}
	if err = a.loadPast(ctx); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaded = true
	return nil
}

// end ends the log-in of a person who may no longer use the bot, and tells them. It is deleted on Wazo like that of
// somebody who logs out.
func (a *accounts) end(ctx context.Context, row *db.Account) error {
	a.log.Warn().Stringer("matrix_user", row.MatrixUser).Msg("A person may no longer use the bot, ending their log-in to Wazo")
	err := a.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := a.db.Account.SetState(ctx, row.ID, db.AccountLeaving); err != nil {
			return err
		}
		return a.sayTo(ctx, row.MatrixUser, a.texts.LogInWithdrawn(row.Username))
	})
	if err != nil {
		return fmt.Errorf("failed to end the log-in of %s: %w", row.MatrixUser, err)
	}
	return nil
}

// put takes the account of a person into use as soon as the transaction that ctx carries, if any, is committed. The row
// must have been stored by db.Accounts.PutLogin before, with its refresh token. It takes the place of the account that
// the person, or the user on Wazo, had before. token is the access token with which the person has just logged in; if
// it is zero, the first request makes a session. Neither token is stored.
func (a *accounts) put(ctx context.Context, row *db.Account, token wazoapi.Token) error {
	refresh, err := a.db.Account.RefreshToken(ctx, row.ID)
	if err != nil {
		return fmt.Errorf("failed to read the refresh token of %s: %w", row.MatrixUser, err)
	}
	own := *row
	options := wazoapi.AccountOptions{Token: token, QueueLength: personQueue}
	acc := newAccount(&own, a.client.AccountByRefresh(wazoapi.RefreshGrant{Token: refresh, ClientID: row.ClientID}, nil, options))
	acc.refused.Store(row.State == db.AccountRefused)
	db.AfterCommit(ctx, func() {
		for _, earlier := range a.replace(acc) {
			a.ended(earlier)
		}
		if !acc.refused.Load() {
			a.began(acc)
		}
	})
	return nil
}

// personQueue is how many events of a person's account may wait: there may be thousands of accounts. If the queue
// overflows, the connection is made anew and the history read.
const personQueue = 64

// replace lets an account take the place of those that the person, or the user on Wazo, had before. It returns these.
func (a *accounts) replace(acc *account) (earlier []*account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, old := range []*account{a.byID[acc.row.ID], a.byUser[acc.row.MatrixUser], a.byAuthor[acc.uuid()]} {
		if old != nil && !slices.Contains(earlier, old) {
			earlier = append(earlier, old)
			a.drop(old)
		}
	}
	a.sorted = nil
	a.byID[acc.row.ID], a.byUser[acc.row.MatrixUser], a.byAuthor[acc.uuid()] = acc, acc, acc
	return earlier
}

// remove gives up the account of a person who logs out as soon as the transaction that ctx carries, if any, is
// committed. It changes neither the database nor what Wazo knows. What is being posted through the account goes on.
// What waits is posted through the relay account, if that is a member of the chat.
func (a *accounts) remove(ctx context.Context, accountID int64) {
	db.AfterCommit(ctx, func() {
		a.mu.Lock()
		acc := a.byID[accountID]
		if acc != nil {
			a.drop(acc)
		}
		a.mu.Unlock()
		if acc != nil {
			a.ended(acc)
		}
	})
}

// drop forgets an account; the caller holds a.mu.
func (a *accounts) drop(acc *account) {
	a.sorted = nil
	delete(a.byID, acc.row.ID)
	delete(a.byUser, acc.row.MatrixUser)
	delete(a.byAuthor, acc.uuid())
	a.notePast(pastLogin{acc.row.MatrixUser, acc.uuid(), true})
}

// refused notes that Wazo does not accept a person's log-in any more, because of an error that is
// wazoapi.ErrLogInEnded, and tells the person so, once. From then on the account is not used. It does nothing if the
// person has logged out or in again meanwhile.
func (a *accounts) refused(ctx context.Context, acc *account, err error) error {
	a.log.Warn().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Wazo does not accept the log-in of a person any more")
	return a.db.DoTxn(ctx, func(ctx context.Context) error {
		row, err := a.db.Account.Login(ctx, acc.row.MatrixUser)
		if err != nil || row == nil || row.ID != acc.row.ID || row.UserUUID != acc.row.UserUUID || row.Since.UnixMilli() != acc.row.Since.UnixMilli() || row.State != db.AccountActive {
			return err
		} else if err = a.db.Account.SetState(ctx, row.ID, db.AccountRefused); err != nil {
			return err
		}
		db.AfterCommit(ctx, func() {
			acc.refused.Store(true)
			a.ended(acc)
		})
		return a.sayTo(ctx, row.MatrixUser, a.texts.LogInEnded(row.Username))
	})
}

// of returns the account of a person that can be used, nil if there is none: the person has not logged in, or Wazo
// refuses the log-in.
func (a *accounts) of(user id.UserID) *account {
	if acc := a.login(user); acc != nil && !acc.refused.Load() {
		return acc
	}
	return nil
}

// login returns the account of a person, even if Wazo refuses it. It returns nil if the person has not logged in.
func (a *accounts) login(user id.UserID) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byUser[user]
}

// byUUID returns the account of a person whose messages have this author, even if Wazo refuses it. It returns nil if
// nobody has logged in as this user.
func (a *accounts) byUUID(author wazoapi.UUID) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byAuthor[author]
}

// withID returns the relay account, or the account of a person, even if Wazo refuses it. It returns nil if there is
// none with this id any more.
func (a *accounts) withID(accountID int64) *account {
	if a.relay != nil && accountID == a.relay.row.ID {
		return a.relay
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byID[accountID]
}

// all returns the accounts of people, in no particular order, also those that Wazo refuses.
func (a *accounts) all() []*account {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*account, 0, len(a.byID))
	for _, acc := range a.byID {
		all = append(all, acc)
	}
	return all
}

// inUse returns the accounts that can be used: the relay account, if there is one, and then those of people that Wazo
// accepts, the oldest first.
func (a *accounts) inUse() []*account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sorted == nil {
		a.sorted = slices.SortedFunc(maps.Values(a.byID), func(x, y *account) int { return cmp.Compare(x.row.ID, y.row.ID) })
	}
	inUse := make([]*account, 0, len(a.sorted)+1)
	if a.relay != nil {
		inUse = append(inUse, a.relay)
	}
	for _, acc := range a.sorted {
		if !acc.refused.Load() {
			inUse = append(inUse, acc)
		}
	}
	return inUse
}

// isInUse reports whether an account can be used, as those that inUse returns.
func (a *accounts) isInUse(acc *account) bool {
	return acc != nil && a.withID(acc.row.ID) == acc && !acc.refused.Load()
}

// count returns how many accounts of people there are, also those that Wazo refuses.
func (a *accounts) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.byID)
}

// membersFirst returns the accounts that can be used in two groups: those that are members of a Wazo room according to
// the lists of rooms that are known, whoever's they are, and the others. Each group is in the order of inUse. It makes
// no request.
func (a *accounts) membersFirst(room wazoapi.UUID) (members, others []*account) {
	all := a.inUse()
	listed := make(map[wazoapi.UUID]bool)
	for _, acc := range all {
		if known, ok := acc.listedRoom(room); ok {
			for _, user := range known.Users {
				listed[user.UUID] = true
			}
		}
	}
	for _, acc := range all {
		if listed[acc.uuid()] {
			members = append(members, acc)
		} else {
			others = append(others, acc)
		}
	}
	return members, others
}

// isRelay reports whether a user on Wazo is the relay account, or was it: what this user wrote comes from Matrix. If a
// person has logged in since as the user that was the relay account, it is the person's own.
func (a *accounts) isRelay(author wazoapi.UUID) bool {
	return author != "" && author == a.relayAuthor() && (a.relay != nil || a.byUUID(author) == nil)
}

// relayAuthor returns the user on Wazo that the relay account is, or was. It is empty if that is not known.
func (a *accounts) relayAuthor() wazoapi.UUID {
	if a.relay == nil && a.former != nil {
		return wazoapi.UUID(a.former.UserUUID)
	}
	return a.relay.uuid()
}

// tenant returns the tenant on Wazo that is relayed: that of the relay account, or without one that of the people who
// have logged in. It is empty if that is not known.
func (a *accounts) tenant() string {
	if a.relay != nil {
		return a.relay.row.TenantUUID
	}
	for _, acc := range a.all() {
		return acc.row.TenantUUID
	}
	return ""
}
