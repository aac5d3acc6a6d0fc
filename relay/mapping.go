package relay

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// Map notes, for an administrator, that a Matrix user and a user on Wazo are the same person, without a log-in. The
// person is called by their name, and is invited to chats of which they and the relay account are members
// (docs/security.md). Nothing is read or posted with their account. Map returns a *UserError if that is refused.
// wazoUser is a name, an e-mail address, an extension or a UUID; private says that only the administrator reads the
// answer.
func (r *Relay) Map(ctx context.Context, admin, user id.UserID, wazoUser string, private bool) (words.WazoUser, error) {
	if !r.cfg.Rights.IsAdmin(admin) {
		return words.WazoUser{}, refuse(r.texts.NoAdmin())
	} else if user == r.matrix.UserID() {
		return words.WazoUser{}, refuse(r.texts.MapBot())
	}
	uuid, err := r.findWazoUser(ctx, wazoUser, private)
	if err != nil {
		return words.WazoUser{}, err
	} else if uuid == r.account.uuid() {
		return words.WazoUser{}, refuse(r.texts.MapRelayAccount())
	}
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		login, err := r.db.Account.Login(ctx, user)
		if err == nil && !isLoggedIn(login) {
			login, err = r.db.Account.LoginOfWazoUser(ctx, string(uuid))
		}
		if err != nil {
			return err
		} else if isLoggedIn(login) {
			return refuse(r.texts.MapLoggedIn(login.MatrixUser.String(), words.WazoUser{Username: login.Username}))
		}
		err = r.identities.put(ctx, &db.Identity{MatrixUser: user, WazoUUID: string(uuid), MappedBy: admin, MappedAt: jsontime.UM(time.Now())})
		if err != nil {
			return err
		}
		return r.conversations.peopleChanged(ctx)
	})
	return r.wazoUser(ctx, uuid, ""), err
}

func isLoggedIn(row *db.Account) bool { return row != nil && row.State != db.AccountLeaving }

// Unmap ends, for an administrator, what Map has noted of a Matrix user or of a user on Wazo. It returns whose mapping
// it was, and a *UserError if there is none.
func (r *Relay) Unmap(ctx context.Context, admin id.UserID, who string, private bool) (id.UserID, words.WazoUser, error) {
	if !r.cfg.Rights.IsAdmin(admin) {
		return "", words.WazoUser{}, refuse(r.texts.NoAdmin())
	}
	mapped, err := r.db.Identity.Get(ctx, id.UserID(who))
	if err == nil && mapped == nil && !isMatrixUser(who) {
		var uuid wazoapi.UUID
		if uuid, err = r.findWazoUser(ctx, who, private); err == nil {
			mapped, err = r.db.Identity.OfWazoUser(ctx, string(uuid))
		}
	}
	if err != nil {
		return "", words.WazoUser{}, err
	} else if mapped == nil {
		return "", words.WazoUser{}, refuse(r.texts.NotMapped(who))
	}
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := r.identities.remove(ctx, mapped.MatrixUser, ""); err != nil {
			return err
		}
		return r.conversations.peopleChanged(ctx)
	})
	if err != nil {
		return "", words.WazoUser{}, err
	}
	return mapped.MatrixUser, r.wazoUser(ctx, wazoapi.UUID(mapped.WazoUUID), ""), nil
}

func isMatrixUser(text string) bool {
	_, _, err := id.UserID(text).ParseAndValidateRelaxed()
	return err == nil
}

// findWazoUser returns the user on Wazo whom a UUID, name, e-mail address or extension means. A UUID need not be in the
// directory.
func (r *Relay) findWazoUser(ctx context.Context, text string, private bool) (wazoapi.UUID, error) {
	if uuid := wazoapi.NewUUID(text); uuid.Valid() {
		return uuid, nil
	}
	contact, err := r.findContact(ctx, text, private)
	if err != nil {
		return "", fmt.Errorf("failed to find a user on Wazo: %w", err)
	}
	return contact.UUID, nil
}

// wazoUser returns a user on Wazo as people know them: by the name in the directory, if it tells one in time.
func (r *Relay) wazoUser(ctx context.Context, uuid wazoapi.UUID, username string) words.WazoUser {
	ctx, cancel := lookupContext(ctx, nameTimeout)
	defer cancel()
	names, err := r.names.Names(ctx, uuid)
	if err != nil {
		r.log.Warn().Err(err).Msg("Failed to look up a name in the directory")
	}
	user := words.WazoUser{
		Name: convert.CleanName(names[uuid], convert.MaxProfileBytes), Username: convert.CleanName(username, convert.MaxProfileBytes),
	}
	if user.Name == "" {
		user.Username = cmp.Or(user.Username, convert.ShortUUID(r.texts, string(uuid)))
	}
	return user
}
