package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// Media is a file of a Matrix message that people on Wazo can fetch by a link.
type Media struct {
	Key       string // the secret part of the link, from MediaFiles.Key; the database holds only its hash
	Room      id.RoomID
	EventID   id.EventID // the event of the message, even if the file came with an edit of the message
	MXC       id.ContentURIString
	Encrypted string // secret: JSON of an event.EncryptedFileInfo; empty: the file is not encrypted
	Name      string // the file name, cleaned
	MimeType  string // according to the sender; may be empty
	CreatedAt Time
	ExpiresAt Time // the link works until this time
}

const (
	mediaColumns            = `link, room, event_id, mxc, encrypted, name, mime_type, created_at, expires_at`
	putMediaQuery           = `INSERT INTO media (` + mediaColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (link) DO UPDATE SET room = excluded.room, event_id = excluded.event_id, mxc = excluded.mxc, encrypted = excluded.encrypted, name = excluded.name, mime_type = excluded.mime_type, created_at = excluded.created_at, expires_at = excluded.expires_at`
	mediaByLinkQuery        = `SELECT ` + mediaColumns + ` FROM media WHERE link = $1 AND expires_at > $2`
	extendMediaQuery        = `UPDATE media SET expires_at = $2 WHERE link = $1`
	deleteMediaByEventQuery = `DELETE FROM media WHERE room = $1 AND event_id = $2 OR link = $3`
	deleteExpiredMediaQuery = `DELETE FROM media WHERE expires_at <= $1`
)

// MediaFiles is the table of files that people on Wazo can fetch.
type MediaFiles struct {
	*dbutil.QueryHelper[*mediaRow]
	box *Box
}

func newMediaFiles(db *dbutil.Database, box *Box) *MediaFiles {
	return &MediaFiles{dbutil.MakeQueryHelperSimple(db, func() *mediaRow { return &mediaRow{} }), box}
}

// mediaRow is Media as it is stored.
type mediaRow struct {
	Media
	link, sealed []byte
}

// Scan implements dbutil.DataStruct.
func (m *mediaRow) Scan(row dbutil.Scannable) (*mediaRow, error) {
	return dbutil.ValueOrErr(m, row.Scan(&m.link, &m.Room, &m.EventID, &m.MXC, &m.sealed, &m.Name, &m.MimeType, timeColumn(&m.CreatedAt), timeColumn(&m.ExpiresAt)))
}

// Key returns the secret part of the link to the file of an event, which is a message or an edit. It has 192 bits and
// cannot be guessed without the SECRET_KEY. It is derived from the event instead of random. Therefore a relay whose
// database was restored from a backup writes the same link again, and recognizes the message that it has already
// posted.
func (t *MediaFiles) Key(room id.RoomID, eventID id.EventID) string {
	mac := hmac.New(sha256.New, t.box.derive("media"))
	mac.Write([]byte(room.String() + "\n" + eventID.String()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}

func linkOf(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// Put stores a file, instead of the file that was stored with the same key before.
func (t *MediaFiles) Put(ctx context.Context, m *Media) error {
	return t.Exec(ctx, putMediaQuery, linkOf(m.Key), m.Room, m.EventID, m.MXC, t.box.Seal(m.Encrypted), m.Name, m.MimeType, m.CreatedAt, m.ExpiresAt)
}

// ByKey returns the file with the key from a link, or nil if there is none or if it has expired. It returns ErrWrongKey
// if the file was sealed with another SECRET_KEY.
func (t *MediaFiles) ByKey(ctx context.Context, key string, now Time) (*Media, error) {
	row, err := t.QueryOne(ctx, mediaByLinkQuery, linkOf(key), now)
	if err != nil || row == nil {
		return nil, err
	}
	if row.Encrypted, err = t.box.Open(row.sealed); err != nil {
		return nil, fmt.Errorf("failed to open the keys of a file: %w", err)
	}
	row.Media.Key = key
	return &row.Media, nil
}

// Extend changes when the link to a file expires. It does nothing if the file is not stored.
func (t *MediaFiles) Extend(ctx context.Context, key string, expiresAt Time) error {
	return t.Exec(ctx, extendMediaQuery, linkOf(key), expiresAt)
}

// DeleteEvent removes the file of an event and the files of all its edits.
func (t *MediaFiles) DeleteEvent(ctx context.Context, room id.RoomID, eventID id.EventID) error {
	return t.Exec(ctx, deleteMediaByEventQuery, room, eventID, linkOf(t.Key(room, eventID)))
}

// DeleteExpired removes the files that expired at or before a time.
func (t *MediaFiles) DeleteExpired(ctx context.Context, now Time) error {
	return t.Exec(ctx, deleteExpiredMediaQuery, now)
}
