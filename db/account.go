package db

import (
	"context"
	"database/sql"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// AccountState is whether an account can be used.
type AccountState string

// The states of an account. The relay account is always active.
const (
	AccountActive  AccountState = "active"
	AccountRefused AccountState = "refused" // Wazo does not accept the refresh token any more
	AccountLeaving AccountState = "leaving" // the person has logged out, and the refresh token is still to be revoked
	AccountOut     AccountState = "out"     // nobody is logged in
)

// Account is a Wazo account that the relay uses: the relay account, or the account of a person who has logged in.
type Account struct {
	ID         int64
	MatrixUser id.UserID // the person whose account it is; empty: it is the relay account
	Username   string    // the name for logging in
	UserUUID   string    // the author of the messages from this account; empty before the first log-in
	TenantUUID string    // empty before the first log-in
	State      AccountState
	ClientID   string // under which Wazo lists the refresh token; empty: it is the relay account
	Since      Time   // when the person logged in; zero: it is the relay account

	// HeardUntil is up to when it is known in which rooms somebody wrote, also in those without a portal. Zero: the
	// account has not listened yet.
	HeardUntil WazoTime
}

const (
	accountColumns       = `id, matrix_user, username, user_uuid, tenant_uuid, state, client_id, since, heard_until`
	relayAccountQuery    = `SELECT ` + accountColumns + ` FROM account WHERE matrix_user IS NULL`
	loginsQuery          = `SELECT ` + accountColumns + ` FROM account WHERE matrix_user IS NOT NULL AND state <> 'out' ORDER BY matrix_user`
	endedLoginsQuery     = `SELECT ` + accountColumns + ` FROM account WHERE matrix_user IS NOT NULL AND state IN ('out', 'leaving') AND user_uuid <> '' ORDER BY id`
	loginQuery           = `SELECT ` + accountColumns + ` FROM account WHERE matrix_user = $1 AND state <> 'out'`
	loginOfWazoUserQuery = `SELECT ` + accountColumns + ` FROM account WHERE user_uuid = $1 AND matrix_user IS NOT NULL AND state <> 'out'`
	putAccountQuery      = `INSERT INTO account (matrix_user, username) VALUES ($1, $2)`
	putLoginQuery        = `
		INSERT INTO account (matrix_user, username, user_uuid, tenant_uuid, refresh_token, client_id, since, heard_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (matrix_user) DO UPDATE SET username = excluded.username, user_uuid = excluded.user_uuid, tenant_uuid = excluded.tenant_uuid,
			refresh_token = excluded.refresh_token, client_id = excluded.client_id, since = excluded.since,
			heard_until = CASE WHEN account.state = 'refused' AND account.user_uuid = excluded.user_uuid AND account.heard_until > 0
				THEN account.heard_until ELSE excluded.heard_until END,
			state = 'active', token = NULL
		RETURNING id, heard_until
	`
	updateAccountQuery   = `UPDATE account SET username = $2, user_uuid = $3, tenant_uuid = $4 WHERE id = $1`
	setHeardUntilQuery   = `UPDATE account SET heard_until = $2 WHERE id = $1 AND heard_until < $2`
	setAccountStateQuery = `UPDATE account SET state = $2 WHERE id = $1`
	forgetLoginQuery     = `UPDATE account SET state = 'out', refresh_token = NULL, token = NULL WHERE id = $1 AND matrix_user IS NOT NULL`
	accountTokenQuery    = `SELECT token FROM account WHERE id = $1`
	setAccountTokenQuery = `UPDATE account SET token = $2 WHERE id = $1`
	refreshTokenQuery    = `SELECT refresh_token FROM account WHERE id = $1`
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
	err := row.Scan(&a.ID, &matrixUser, &a.Username, &a.UserUUID, &a.TenantUUID, &a.State, &a.ClientID, timeColumn(&a.Since), wazoTimeColumn(&a.HeardUntil))
	a.MatrixUser = id.UserID(matrixUser.String)
	return dbutil.ValueOrErr(a, err)
}

// Relay returns the relay account. It creates the row at the first start. If the stored username is another one, Relay
// replaces it and deletes the token, since that belongs to the other username.
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

// EarlierRelay returns the relay account that there was when one was last configured, or nil if there never was one.
func (t *Accounts) EarlierRelay(ctx context.Context) (*Account, error) {
	return t.QueryOne(ctx, relayAccountQuery)
}

// Logins returns the accounts of people, sorted by Matrix user. Those from which nobody uses the relay any more are
// left out.
func (t *Accounts) Logins(ctx context.Context) ([]*Account, error) {
	return t.QueryMany(ctx, loginsQuery)
}

// EndedLogins returns the accounts of the people who have logged out, in the states AccountOut and AccountLeaving.
func (t *Accounts) EndedLogins(ctx context.Context) ([]*Account, error) {
	return t.QueryMany(ctx, endedLoginsQuery)
}

// Login returns the account of a person, or nil if the person has not logged in.
func (t *Accounts) Login(ctx context.Context, user id.UserID) (*Account, error) {
	return t.QueryOne(ctx, loginQuery, user)
}

// LoginOfWazoUser returns the account of the person who has logged in as a user on Wazo, or nil if there is none.
func (t *Accounts) LoginOfWazoUser(ctx context.Context, wazoUUID string) (*Account, error) {
	return t.QueryOne(ctx, loginOfWazoUserQuery, wazoUUID)
}

// PutLogin stores the account of a person who has logged in, seals its refresh token, and sets a.ID, a.State and
// a.HeardUntil. This is the time of the log-in, unless the log-in before was refused by Wazo: then the person did not
// want to stop hearing, and it stays. PutLogin replaces the account with which the person logged in before. It returns
// an error if another person has logged in as the same user on Wazo.
func (t *Accounts) PutLogin(ctx context.Context, a *Account, refreshToken string) error {
	a.State, a.HeardUntil = AccountActive, WazoTime{Time: a.Since.Time}
	return t.GetDB().QueryRow(ctx, putLoginQuery, a.MatrixUser, a.Username, a.UserUUID, a.TenantUUID, t.box.Seal(refreshToken), a.ClientID, a.Since, a.HeardUntil).Scan(&a.ID, wazoTimeColumn(&a.HeardUntil))
}

// SetHeardUntil moves HeardUntil forward. It does nothing if that is at a later time already.
func (t *Accounts) SetHeardUntil(ctx context.Context, accountID int64, until WazoTime) error {
	return t.Exec(ctx, setHeardUntilQuery, accountID, until)
}

// SetState stores the state of an account.
func (t *Accounts) SetState(ctx context.Context, accountID int64, state AccountState) error {
	return t.Exec(ctx, setAccountStateQuery, accountID, state)
}

// ForgetLogin deletes the tokens of a person's account. The row remains, in the state AccountOut.
func (t *Accounts) ForgetLogin(ctx context.Context, accountID int64) error {
	return t.Exec(ctx, forgetLoginQuery, accountID)
}

// RefreshToken returns the refresh token that PutLogin stored, or "" if there is none. It returns ErrWrongKey if the
// token was sealed with another key.
func (t *Accounts) RefreshToken(ctx context.Context, accountID int64) (string, error) {
	var sealed []byte
	if err := t.GetDB().QueryRow(ctx, refreshTokenQuery, accountID).Scan(&sealed); err != nil {
		return "", err
	}
	return t.box.Open(sealed)
}

// Update stores the username and the UUIDs of an account.
func (t *Accounts) Update(ctx context.Context, a *Account) error {
	return t.Exec(ctx, updateAccountQuery, a.ID, a.Username, a.UserUUID, a.TenantUUID)
}

// Token returns the token that SetToken stored, or "" if there is none. It returns ErrWrongKey if the token was sealed
// with another key.
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
