package db

import (
	"context"
	"fmt"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/id"
)

// This file contains the queries of mautrix's own tables (mx_…, crypto_…) for which mautrix has no methods.

const (
	unknownDevicesQuery = `
		SELECT member.user_id FROM mx_user_profile member
		LEFT JOIN crypto_tracked_user tracked ON tracked.user_id = member.user_id
		WHERE member.room_id = $1 AND member.membership IN ('join', 'invite') AND (tracked.user_id IS NULL OR tracked.devices_outdated)
	`
	leftOutQuery = `
		SELECT EXISTS (
			SELECT 1 FROM crypto_megolm_outbound_session session
			JOIN mx_user_profile member ON member.room_id = session.room_id AND member.membership IN ('join', 'invite')
			JOIN crypto_device device ON device.user_id = member.user_id AND NOT device.deleted
			JOIN crypto_olm_session olm ON olm.sender_key = device.identity_key AND olm.account_id = session.account_id
			WHERE session.room_id = $1 AND session.shared AND NOT (device.user_id = $2 AND device.device_id = $3) AND NOT EXISTS (
				SELECT 1 FROM crypto_megolm_outbound_session_shared shared
				WHERE shared.user_id = device.user_id AND shared.identity_key = device.identity_key AND shared.session_id = session.session_id
			)
		)
	`
)

// UnknownDevices returns the members of a room whose lists of devices are unknown or outdated.
func (db *Database) UnknownDevices(ctx context.Context, room id.RoomID) ([]id.UserID, error) {
	rows, err := db.Query(ctx, unknownDevicesQuery, room)
	return dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[id.UserID], err).AsList()
}

// LeftOut reports whether a device in a room did not get the key of the bot's present Megolm session there, although
// the bot could send the key to it. The bot's own device, which user and device name, does not count.
func (db *Database) LeftOut(ctx context.Context, room id.RoomID, user id.UserID, device id.DeviceID) (leftOut bool, err error) {
	err = db.QueryRow(ctx, leftOutQuery, room, user, device).Scan(&leftOut)
	return leftOut, err
}

// These delete the sessions with other devices from mautrix's tables. Room keys that the bot received stay, so that
// messages encrypted with them can still be read.
var forgetSessionsQueries = []string{
	`DELETE FROM crypto_olm_session`,
	`DELETE FROM crypto_megolm_outbound_session`,
}

const forgetFetchedBackupQuery = `DELETE FROM setting WHERE name = '` + SettingFetchedBackup + `'`

var forgetWithheldQueries = []string{`DELETE FROM crypto_megolm_inbound_session WHERE session IS NULL`}

// The sync token stays, because it belongs to the account and not to the device.
var forgetDeviceQueries = append([]string{
	`DELETE FROM crypto_account`,
	`DELETE FROM setting WHERE name IN ('` + SettingDevice + `', '` + SettingMatrixToken + `', '` + SettingMatrixLogin + `', '` + SettingGeneration + `')`,
	forgetFetchedBackupQuery,
}, forgetSessionsQueries...)

// ForgetDevice deletes everything about the bot's device, so that the next log-in creates a new one. It must not be
// called while the bot's encryption is in use.
func (db *Database) ForgetDevice(ctx context.Context) error {
	return db.forget(ctx, forgetDeviceQueries)
}

// ForgetSessions deletes the sessions with other devices. The bot then starts new sessions with all of them. It also
// fetches the keys of the key backup again, because those that came since are missing.
func (db *Database) ForgetSessions(ctx context.Context) error {
	return db.forget(ctx, append([]string{forgetFetchedBackupQuery}, forgetSessionsQueries...))
}

// ForgetRoomKeys deletes the keys by which the bot encrypts its messages. The bot creates a new key for its next
// message in each room.
func (db *Database) ForgetRoomKeys(ctx context.Context) error {
	return db.forget(ctx, forgetSessionsQueries[1:])
}

// ForgetWithheldSessions deletes mautrix's records of withheld keys. With such a record, mautrix would not store the
// key if it came later.
func (db *Database) ForgetWithheldSessions(ctx context.Context) error {
	return db.forget(ctx, forgetWithheldQueries)
}

func (db *Database) forget(ctx context.Context, queries []string) error {
	if exists, err := db.TableExists(ctx, "crypto_account"); err != nil {
		return fmt.Errorf("failed to find the encryption keys: %w", err)
	} else if !exists {
		return nil // nothing was ever encrypted
	}
	return db.DoTxn(ctx, func(ctx context.Context) error {
		for _, query := range queries {
			if _, err := db.Exec(ctx, query); err != nil {
				return fmt.Errorf("failed to forget encryption keys: %w", err)
			}
		}
		return nil
	})
}
