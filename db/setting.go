package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.mau.fi/util/dbutil"
)

// The names of the settings. Settings that are marked as secret are read by GetSecret and stored by SetSecret.
const (
	SettingNextBatch   = "matrix_next_batch"   // the /sync token; everything before it was accepted
	SettingMatrixUser  = "matrix_user"         // the user id of the bot, to which this database belongs
	SettingDevice      = "matrix_device"       // the device id of the bot
	SettingMatrixToken = "matrix_access_token" // secret; empty if there is a SettingMatrixLogin
	SettingMatrixLogin = "matrix_login"        // secret; a log-in whose access token expires, see package bot/device
	SettingRecoveryKey = "matrix_recovery_key" // secret
	SettingMasterKey   = "matrix_master_key"   // the public key of the identity that signed the device
	SettingGeneration  = "matrix_generation"   // a rollback counter; see package bot/device
	SettingWebhookKey  = "wazo_webhook_key"    // secret; the addresses of webhooks are derived from it, "" if there are none

	SettingCheckedAt = "checked_at" // when it was last tried whether anything can be stored

	SettingNamedRooms = "named_rooms" // "known": the table named_room is complete

	SettingConversations = "conversations" // on which settings it depends who belongs to them, see package relay

	SettingProbeRoom = "matrix_probe_room" // in which the bot sends messages to itself

	SettingProblems = "problems" // of which the administrators were told, JSON

	SettingFetchedBackup = "matrix_fetched_backup" // the version of the key backup from which all keys were fetched
)

const (
	getSettingQuery    = `SELECT value FROM setting WHERE name = $1`
	deleteSettingQuery = `DELETE FROM setting WHERE name = $1`
	putSettingQuery    = `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

// Settings is the table of named values that the relay remembers about itself.
type Settings struct {
	db  *dbutil.Database
	box *Box
}

// Get returns a value, or "" if there is none.
func (s *Settings) Get(ctx context.Context, name string) (string, error) {
	value, err := s.get(ctx, name)
	return string(value), err
}

// Set stores a value.
func (s *Settings) Set(ctx context.Context, name, value string) error {
	return s.set(ctx, name, []byte(value))
}

// GetSecret returns a value that SetSecret stored, or "" if there is none. It returns ErrWrongKey if the value was
// sealed with another key.
func (s *Settings) GetSecret(ctx context.Context, name string) (string, error) {
	sealed, err := s.get(ctx, name)
	if err != nil {
		return "", err
	}
	return s.box.Open(sealed)
}

// SetSecret seals a value and stores it. An empty value deletes the setting.
func (s *Settings) SetSecret(ctx context.Context, name, value string) error {
	if value == "" {
		if _, err := s.db.Exec(ctx, deleteSettingQuery, name); err != nil {
			return fmt.Errorf("failed to delete setting %s: %w", name, err)
		}
		return nil
	}
	return s.set(ctx, name, s.box.Seal(value))
}

func (s *Settings) get(ctx context.Context, name string) (value []byte, err error) {
	err = s.db.QueryRow(ctx, getSettingQuery, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("failed to read setting %s: %w", name, err)
	}
	return value, nil
}

func (s *Settings) set(ctx context.Context, name string, value []byte) error {
	if _, err := s.db.Exec(ctx, putSettingQuery, name, value); err != nil {
		return fmt.Errorf("failed to store setting %s: %w", name, err)
	}
	return nil
}
