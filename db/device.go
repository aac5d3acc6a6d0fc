package db

import (
	"context"
	"fmt"
)

// Sessions with other devices, in mautrix's tables. Keys of rooms that were received stay: what they were for can still be read.
var forgetSessionsQueries = []string{
	`DELETE FROM crypto_olm_session`,
	`DELETE FROM crypto_megolm_outbound_session`,
}

// The sync token stays when the device goes: it is the account's place in its rooms.
var forgetDeviceQueries = append([]string{
	`DELETE FROM crypto_account`,
	`DELETE FROM setting WHERE name IN ('` + SettingDevice + `', '` + SettingMatrixToken + `', '` + SettingMark + `')`,
}, forgetSessionsQueries...)

// ForgetDevice makes the next log-in begin with a new device. The bot's encryption must not be in use.
func (db *Database) ForgetDevice(ctx context.Context) error {
	return db.forget(ctx, forgetDeviceQueries)
}

// ForgetSessions drops the sessions with other devices, which makes the bot begin new ones with all of them.
func (db *Database) ForgetSessions(ctx context.Context) error {
	return db.forget(ctx, forgetSessionsQueries)
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
