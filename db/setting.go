package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.mau.fi/util/dbutil"
)

// Names of settings.
const (
	SettingNextBatch   = "matrix_next_batch"   // the /sync token up to which everything is accepted
	SettingMatrixUser  = "matrix_user"         // the account this database belongs to
	SettingDevice      = "matrix_device"       // its device
	SettingMatrixToken = "matrix_access_token" // secret
	SettingRecoveryKey = "matrix_recovery_key" // secret
	SettingMasterKey   = "matrix_master_key"   // the public key of the identity that the device was signed by
	SettingGeneration  = "matrix_mark"         // the generation of the database, see package bot/device
)

const (
	getSettingQuery = `SELECT value FROM setting WHERE name = $1`
	putSettingQuery = `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

// Settings is the table of what the relay remembers about itself.
type Settings struct {
	db  *dbutil.Database
	box *Box
}

// Get returns a value, "" if there is none.
func (s *Settings) Get(ctx context.Context, name string) (string, error) {
	value, err := s.get(ctx, name)
	return string(value), err
}

// Set stores a value.
func (s *Settings) Set(ctx context.Context, name, value string) error {
	return s.set(ctx, name, []byte(value))
}

// GetSecret returns a sealed value, "" if there is none, ErrWrongKey if it was sealed with another key.
func (s *Settings) GetSecret(ctx context.Context, name string) (string, error) {
	sealed, err := s.get(ctx, name)
	if err != nil {
		return "", err
	}
	return s.box.Open(sealed)
}

// SetSecret stores a value sealed.
func (s *Settings) SetSecret(ctx context.Context, name, value string) error {
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
