package relay

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/wazoapi"
)

// The database may be a copy that is older than what people have said since. Then what their own accounts have posted
// is found by its author and text (echo.go). A person may have logged out or in since the copy was made, so each user
// on Wazo counts that the person is, or was, as far as that is known.

// authorship knows as which users on Wazo people may have posted. It is safe for concurrent use.
type authorship struct {
	accounts   *accounts
	identities *identities
}

// of returns the users on Wazo as whom a person may have posted, the likeliest first: as whom the person has logged in,
// or had before, or whom an administrator says the person to be. As somebody else's user nobody else has posted.
func (a *authorship) of(user id.UserID) []wazoapi.UUID {
	authors := a.accounts.usedBy(user)
	if mapped, _, ok := a.identities.ofMatrix(user); ok && !slices.Contains(authors, mapped) {
		authors = append(authors, mapped)
	}
	return authors
}

// people returns who may have posted as a user on Wazo.
func (a *authorship) people(author wazoapi.UUID) []id.UserID {
	people := a.accounts.usersOf(author)
	if user, ok := a.identities.ofWazo(author); ok && !slices.Contains(people, user) {
		people = append(people, user)
	}
	return people
}

// all returns all users on Wazo as whom people may have posted.
func (a *authorship) all() []wazoapi.UUID {
	all := a.accounts.used()
	for _, identity := range a.identities.all() {
		all = append(all, wazoapi.UUID(identity.WazoUUID))
	}
	return all
}

// pastLogin is that a person had logged in as a user on Wazo.
type pastLogin struct {
	user   id.UserID
	author wazoapi.UUID
	isOwn  bool // the database knows it, and not only the homeserver, whose administrator might have made it up
}

// loadPast reads who has logged out.
func (a *accounts) loadPast(ctx context.Context) error {
	rows, err := a.db.Account.EndedLogins(ctx)
	if err != nil {
		return fmt.Errorf("failed to read who has logged out: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, row := range rows {
		a.notePast(pastLogin{row.MatrixUser, wazoapi.UUID(row.UserUUID), true})
	}
	return nil
}

// notePast notes a log-in that is over; the caller holds a.mu.
func (a *accounts) notePast(past pastLogin) {
	for i, known := range a.past {
		if known.user == past.user && known.author == past.author {
			a.past[i].isOwn = known.isOwn || past.isOwn
			return
		}
	}
	a.past = append(a.past, past)
}

// learn notes who had logged in, and returns that with who has now. The users on Wazo of each person are sorted.
func (a *accounts) learn(logins LoginHistory) (all LoginHistory) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for user, authors := range logins {
		for _, author := range authors {
			a.notePast(pastLogin{user, author, false})
		}
	}
	all = make(LoginHistory)
	for _, past := range a.past {
		all[past.user] = append(all[past.user], past.author)
	}
	for user, acc := range a.byUser {
		all[user] = append(all[user], acc.uuid())
	}
	for user, authors := range all {
		slices.Sort(authors)
		all[user] = slices.Compact(authors)
	}
	return all
}

// usedBy returns the users on Wazo as whom a person has logged in, or had, unless somebody else has logged in as them
// since.
func (a *accounts) usedBy(user id.UserID) (authors []wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if acc := a.byUser[user]; acc != nil {
		authors = append(authors, acc.uuid())
	}
	for _, past := range a.past {
		if past.user == user && a.byAuthor[past.author] == nil {
			authors = append(authors, past.author)
		}
	}
	return authors
}

// wasLoggedIn returns the users on Wazo as whom a person who has logged out had logged in, unless somebody else has
// logged in as them since. It leaves out what only the homeserver says.
func (a *accounts) wasLoggedIn(user id.UserID) (authors []wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, past := range a.past {
		if past.user == user && past.isOwn && a.byAuthor[past.author] == nil {
			authors = append(authors, past.author)
		}
	}
	return authors
}

// usersOf returns who has logged in as a user on Wazo. If nobody has, it returns who had.
func (a *accounts) usersOf(author wazoapi.UUID) (users []id.UserID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if acc := a.byAuthor[author]; acc != nil {
		return []id.UserID{acc.row.MatrixUser}
	}
	for _, past := range a.past {
		if past.author == author {
			users = append(users, past.user)
		}
	}
	return users
}

// used returns all users on Wazo as whom people have logged in, or had.
func (a *accounts) used() (authors []wazoapi.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for author := range a.byAuthor {
		authors = append(authors, author)
	}
	for _, past := range a.past {
		if a.byAuthor[past.author] == nil {
			authors = append(authors, past.author)
		}
	}
	return authors
}
