package db

import (
	"context"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Identity says that a Matrix user and a user on Wazo are the same person, although the person has not logged in.
type Identity struct {
	MatrixUser id.UserID
	WazoUUID   string
	MappedBy   id.UserID // the administrator
	MappedAt   Time
}

const (
	identityColumns         = `matrix_user, wazo_uuid, mapped_by, mapped_at`
	allIdentitiesQuery      = `SELECT ` + identityColumns + ` FROM identity ORDER BY matrix_user`
	identityQuery           = `SELECT ` + identityColumns + ` FROM identity WHERE matrix_user = $1`
	identityOfWazoUserQuery = `SELECT ` + identityColumns + ` FROM identity WHERE wazo_uuid = $1`
	putIdentityQuery        = `INSERT INTO identity (` + identityColumns + `) VALUES ($1, $2, $3, $4)`
	deleteIdentityQuery     = `DELETE FROM identity WHERE matrix_user = $1 OR wazo_uuid = $2`
)

// Identities is the table of the people who are mapped without a log-in.
type Identities struct {
	*dbutil.QueryHelper[*Identity]
}

func newIdentities(db *dbutil.Database) *Identities {
	return &Identities{dbutil.MakeQueryHelperSimple(db, func() *Identity { return &Identity{} })}
}

// Scan implements dbutil.DataStruct.
func (i *Identity) Scan(row dbutil.Scannable) (*Identity, error) {
	return dbutil.ValueOrErr(i, row.Scan(&i.MatrixUser, &i.WazoUUID, &i.MappedBy, timeColumn(&i.MappedAt)))
}

// All returns all identities, sorted by Matrix user.
func (t *Identities) All(ctx context.Context) ([]*Identity, error) {
	return t.QueryMany(ctx, allIdentitiesQuery)
}

// Get returns the identity of a Matrix user, or nil if there is none.
func (t *Identities) Get(ctx context.Context, user id.UserID) (*Identity, error) {
	return t.QueryOne(ctx, identityQuery, user)
}

// OfWazoUser returns the identity of a user on Wazo, or nil if there is none.
func (t *Identities) OfWazoUser(ctx context.Context, wazoUUID string) (*Identity, error) {
	return t.QueryOne(ctx, identityOfWazoUserQuery, wazoUUID)
}

// Put stores an identity, instead of those that its Matrix user or its user on Wazo had before.
func (t *Identities) Put(ctx context.Context, i *Identity) error {
	return doTxn(ctx, t.GetDB(), func(ctx context.Context) error {
		if err := t.Delete(ctx, i.MatrixUser, i.WazoUUID); err != nil {
			return err
		}
		return t.Exec(ctx, putIdentityQuery, i.MatrixUser, i.WazoUUID, i.MappedBy, i.MappedAt)
	})
}

// Delete deletes the identities of a Matrix user and of a user on Wazo. Either may be empty.
func (t *Identities) Delete(ctx context.Context, user id.UserID, wazoUUID string) error {
	return t.Exec(ctx, deleteIdentityQuery, user, wazoUUID)
}
