package db

import (
	"context"
	"database/sql"
	"errors"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Auto says which conversations open for a person by themselves.
type Auto string

// What a person can decide.
const (
	AutoOn     Auto = "on"     // all of them
	AutoOff    Auto = "off"    // none
	AutoDirect Auto = "direct" // those with one other person
)

// Person is what is known of a person besides their account. The zero value is AutoOn.
type Person struct {
	Auto      Auto
	RefusedAt Time // when the homeserver last refused to invite the person; zero: it has not
}

const (
	personQuery     = `SELECT auto, refused_at FROM person WHERE matrix_user = $1`
	setAutoQuery    = `INSERT INTO person (matrix_user, auto) VALUES ($1, $2) ON CONFLICT (matrix_user) DO UPDATE SET auto = excluded.auto`
	setRefusedQuery = `INSERT INTO person (matrix_user, refused_at) VALUES ($1, $2) ON CONFLICT (matrix_user) DO UPDATE SET refused_at = excluded.refused_at`

	muteQuery    = `INSERT INTO mute (matrix_user, wazo_room) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	unmuteQuery  = `DELETE FROM mute WHERE matrix_user = $1 AND wazo_room = $2`
	isMutedQuery = `SELECT EXISTS (SELECT 1 FROM mute WHERE matrix_user = $1 AND wazo_room = $2)`
)

// People is the table of what people decided about the conversations that open by themselves.
type People struct {
	db *dbutil.Database
}

// Get returns what is known of a person.
func (t *People) Get(ctx context.Context, user id.UserID) (Person, error) {
	p := Person{Auto: AutoOn}
	err := t.db.QueryRow(ctx, personQuery, user).Scan(&p.Auto, timeColumn(&p.RefusedAt))
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	return p, err
}

// SetAuto stores which conversations open for a person by themselves.
func (t *People) SetAuto(ctx context.Context, user id.UserID, auto Auto) error {
	_, err := t.db.Exec(ctx, setAutoQuery, user, auto)
	return err
}

// SetRefused stores when the homeserver refused to invite a person. The zero time means that it is to be tried again.
func (t *People) SetRefused(ctx context.Context, user id.UserID, at Time) error {
	_, err := t.db.Exec(ctx, setRefusedQuery, user, at)
	return err
}

// Mutes is the table of the Wazo rooms to which people do not want to be invited again.
type Mutes struct {
	db *dbutil.Database
}

// Put stores that a person does not want to be invited to a Wazo room again.
func (t *Mutes) Put(ctx context.Context, user id.UserID, wazoRoom string) error {
	_, err := t.db.Exec(ctx, muteQuery, user, wazoRoom)
	return err
}

// Delete takes that back. It returns false if the person had not muted the room.
func (t *Mutes) Delete(ctx context.Context, user id.UserID, wazoRoom string) (bool, error) {
	return changed(t.db.Exec(ctx, unmuteQuery, user, wazoRoom))
}

// Has reports whether a person does not want to be invited to a Wazo room again.
func (t *Mutes) Has(ctx context.Context, user id.UserID, wazoRoom string) (muted bool, err error) {
	err = t.db.QueryRow(ctx, isMutedQuery, user, wazoRoom).Scan(&muted)
	return muted, err
}
