package relay

import (
	"context"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// WhoAmI is what is known of a person.
type WhoAmI struct {
	Login    *words.LoginState // nil: the person has not logged in
	MappedTo *words.WazoUser   // nil: nobody has mapped the person
	MappedBy id.UserID
}

// WhoAmI returns as whom a person is known on Wazo.
func (r *Relay) WhoAmI(ctx context.Context, user id.UserID) (who WhoAmI, err error) {
	row, err := r.db.Account.Login(ctx, user)
	if err != nil {
		return who, err
	} else if row != nil && row.State != db.AccountLeaving {
		state := r.loginState(ctx, row)
		who.Login = &state
		return who, nil
	}
	mapped, err := r.db.Identity.Get(ctx, user)
	if err != nil || mapped == nil {
		return who, err
	}
	as := r.wazoUser(ctx, wazoapi.UUID(mapped.WazoUUID), "")
	who.MappedTo, who.MappedBy = &as, mapped.MappedBy
	return who, nil
}

// Logins returns who is logged in, sorted by Matrix user.
func (r *Relay) Logins(ctx context.Context) ([]words.LoginState, error) {
	rows, err := r.db.Account.Logins(ctx)
	logins := make([]words.LoginState, len(rows))
	for i, row := range rows {
		logins[i] = r.loginState(ctx, row)
	}
	return logins, err
}

func (r *Relay) loginState(ctx context.Context, row *db.Account) words.LoginState {
	return words.LoginState{
		User: row.MatrixUser.String(), As: r.wazoUserOf(ctx, row), Since: row.Since.Time,
		Refused: row.State == db.AccountRefused, Leaving: row.State == db.AccountLeaving,
	}
}

func (r *Relay) wazoUserOf(ctx context.Context, row *db.Account) words.WazoUser {
	return r.wazoUser(ctx, wazoapi.UUID(row.UserUUID), row.Username)
}
