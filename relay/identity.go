package relay

import (
	"context"
	"fmt"
	"sync"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// identities know which Matrix user and which user on Wazo are the same person: because the person has logged in, or
// because an administrator said so. A log-in counts more. It is safe for concurrent use.
type identities struct {
	db       *db.Database
	accounts *accounts

	mu     sync.Mutex
	mapped []*db.Identity // those that an administrator mapped
}

// load reads from the database who was mapped.
func (i *identities) load(ctx context.Context) error {
	mapped, err := i.db.Identity.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read who is who: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mapped = mapped
	return nil
}

// put stores that two users are the same person, instead of what was said of either before. It counts as soon as the
// transaction that ctx carries, if any, is committed.
func (i *identities) put(ctx context.Context, identity *db.Identity) error {
	if err := i.db.Identity.Put(ctx, identity); err != nil {
		return fmt.Errorf("failed to store who %s is: %w", identity.MatrixUser, err)
	}
	return i.reload(ctx)
}

// remove takes back what put stored of a Matrix user and of a user on Wazo. Either may be empty. It counts as soon as
// the transaction that ctx carries, if any, is committed.
func (i *identities) remove(ctx context.Context, user id.UserID, wazo wazoapi.UUID) error {
	if err := i.db.Identity.Delete(ctx, user, string(wazo)); err != nil {
		return fmt.Errorf("failed to forget who %s%s is: %w", user, wazo, err)
	}
	return i.reload(ctx)
}

// reload takes over what the transaction that ctx carries has stored, as soon as it is committed.
func (i *identities) reload(ctx context.Context) error {
	mapped, err := i.db.Identity.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read who is who: %w", err)
	}
	db.AfterCommit(ctx, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.mapped = mapped
	})
	return nil
}

// ofWazo returns who a user on Wazo is on Matrix. It reports false if that is not known.
func (i *identities) ofWazo(wazo wazoapi.UUID) (id.UserID, bool) {
	if acc := i.accounts.byUUID(wazo); acc != nil {
		return acc.row.MatrixUser, true
	}
	for _, identity := range i.all() {
		// Whoever has logged in as somebody else is not who an administrator said before.
		if identity.WazoUUID == string(wazo) && i.accounts.login(identity.MatrixUser) == nil {
			return identity.MatrixUser, true
		}
	}
	return "", false
}

// ofMatrix returns who a Matrix user is on Wazo, and whether the person has logged in, even if Wazo refuses the log-in
// now. It reports false if that is not known.
func (i *identities) ofMatrix(user id.UserID) (wazo wazoapi.UUID, loggedIn, ok bool) {
	if acc := i.accounts.login(user); acc != nil {
		return acc.uuid(), true, true
	}
	for _, identity := range i.all() {
		if identity.MatrixUser == user && i.accounts.byUUID(wazoapi.UUID(identity.WazoUUID)) == nil {
			return wazoapi.UUID(identity.WazoUUID), false, true
		}
	}
	return "", false, false
}

// any reports whether anybody is known on both sides.
func (i *identities) any() bool { return len(i.all()) > 0 || i.accounts.count() > 0 }

func (i *identities) all() []*db.Identity {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.mapped
}
