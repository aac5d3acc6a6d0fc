package db

import (
	"context"
	"database/sql"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Account is a Wazo account that the relay logs in to.
type Account struct {
	ID         int64
	MatrixUser id.UserID // the person whose account it is; empty: it is the relay account
	Username   string    // the name for logging in
	UserUUID   string    // the author of the messages from this account; empty before the first log-in
	TenantUUID string    // empty before the first log-in
}

const (
	accountColumns       = `id, matrix_user, username, user_uuid, tenant_uuid`
	relayAccountQuery    = `SELECT ` + accountColumns + ` FROM account WHERE matrix_user IS NULL`
	putAccountQuery      = `INSERT INTO account (matrix_user, username) VALUES ($1, $2)`
	updateAccountQuery   = `UPDATE account SET username = $2, user_uuid = $3, tenant_uuid = $4 WHERE id = $1`
	accountTokenQuery    = `SELECT token FROM account WHERE id = $1`
	setAccountTokenQuery = `UPDATE account SET token = $2 WHERE id = $1`
)

// Accounts is the table of Wazo accounts.
type Accounts struct {
	*dbutil.QueryHelper[*Account]
	box *Box
}

func newAccounts(db *dbutil.Database, box *Box) *Accounts {
	return &Accounts{QueryHelper: dbutil.MakeQueryHelperSimple(db, func() *Account { return &Account{} }), box: box}
}

// Scan implements dbutil.DataStruct.
func (a *Account) Scan(row dbutil.Scannable) (*Account, error) {
	var matrixUser sql.NullString
	err := row.Scan(&a.ID, &matrixUser, &a.Username, &a.UserUUID, &a.TenantUUID)
	a.MatrixUser = id.UserID(matrixUser.String)
	return dbutil.ValueOrErr(a, err)
}

// Relay returns the relay account. It creates the row at the first start. If the stored username is another one, Relay replaces
// it and deletes the token, since that belongs to the other username.
func (t *Accounts) Relay(ctx context.Context, username string) (account *Account, err error) {
	err = doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		account, err = t.QueryOne(ctx, relayAccountQuery)
		if err != nil {
			return err
		} else if account == nil {
			if err = t.Exec(ctx, putAccountQuery, nil, username); err != nil {
				return err
			}
			account, err = t.QueryOne(ctx, relayAccountQuery)
			return err
		} else if account.Username != username {
			account.Username, account.UserUUID, account.TenantUUID = username, "", ""
			if err = t.Exec(ctx, setAccountTokenQuery, account.ID, nil); err != nil {
				return err
			}
			return t.Update(ctx, account)
		}
		return nil
	})
	return account, err
}

// Update stores the username and the UUIDs of an account.
func (t *Accounts) Update(ctx context.Context, a *Account) error {
	return t.Exec(ctx, updateAccountQuery, a.ID, a.Username, a.UserUUID, a.TenantUUID)
}

// Token returns the token that SetToken stored, or "" if there is none. It returns ErrWrongKey if the token was sealed with
// another key.
func (t *Accounts) Token(ctx context.Context, accountID int64) (string, error) {
	var sealed []byte
	if err := t.GetDB().QueryRow(ctx, accountTokenQuery, accountID).Scan(&sealed); err != nil {
		return "", err
	}
	return t.box.Open(sealed)
}

// SetToken seals the token of an account and stores it.
func (t *Accounts) SetToken(ctx context.Context, accountID int64, token string) error {
	return t.Exec(ctx, setAccountTokenQuery, accountID, t.box.Seal(token))
}
