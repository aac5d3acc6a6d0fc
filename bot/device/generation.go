package device

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// generationInterval is how often at most a running bot raises the generation of its database.
const generationInterval = 5 * time.Minute

// generationType is the type of the account data that holds the generation. Its name and the names of its fields are older
// than the word "generation"; existing accounts have them.
const generationType = "io.wazo.relay.age"

type generationContent struct {
	Device     id.DeviceID `json:"device"`
	Generation int64       `json:"mark"`
}

// NoteKeyUse notes that encryption keys were used or received. A copy of the database that was made earlier is outdated now.
// It may be called at any time.
func (m *Manager) NoteKeyUse() { m.keysUsed.Store(true) }

// RaiseGenerationIfDue raises the generation of the database, every five minutes at most, if keys were used in the meantime. A
// failure is logged. Only the sync loop may call it.
func (m *Manager) RaiseGenerationIfDue(ctx context.Context) {
	if time.Now().Before(m.nextGeneration) || !m.keysUsed.Swap(false) {
		return
	}
	m.nextGeneration = time.Now().Add(generationInterval)
	if err := m.raiseGeneration(ctx); err != nil && ctx.Err() == nil {
		m.log.Warn().Err(err).Msg("Failed to raise the generation of the database")
	}
}

// raiseGeneration raises the generation in the database first and then in the account data. So the account data holds a higher
// one than the database only if the database is an older copy.
func (m *Manager) raiseGeneration(ctx context.Context) error {
	generation, err := m.generation(ctx)
	if err != nil {
		return err
	}
	generation++
	if err = m.db.Setting.Set(ctx, db.SettingGeneration, strconv.FormatInt(generation, 10)); err != nil {
		return err
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	content := &generationContent{Device: m.client.DeviceID, Generation: generation}
	if err = m.client.SetAccountData(ctx, generationType, content); err != nil {
		return fmt.Errorf("failed to store the generation of the database in the account data: %w", err)
	}
	return nil
}

// generation returns the generation of the database, 0 if the device has none yet.
func (m *Manager) generation(ctx context.Context) (int64, error) {
	text, err := m.db.Setting.Get(ctx, db.SettingGeneration)
	if err != nil || text == "" {
		return 0, err
	}
	generation, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("failed to parse the generation of the database: %w", err)
	}
	return generation, nil
}

// isRestored reports whether the database is an older copy of one that this device has used since.
func (m *Manager) isRestored(ctx context.Context) (bool, error) {
	generation, err := m.generation(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	var published generationContent
	err = m.client.GetAccountData(ctx, generationType, &published)
	if errors.Is(err, mautrix.MNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("failed to read the generation of the database from the account data: %w", err)
	}
	return published.Device == m.client.DeviceID && published.Generation > generation, nil
}
