package device

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// generationType is the type of the account data that holds the generation. Its name and the names of its fields are
// older than the word "generation"; existing accounts have them.
const generationType = "io.wazo.relay.age"

type generationContent struct {
	Device     id.DeviceID `json:"device"`
	Generation int64       `json:"mark"`
}

// raises orders the raises of the generation, which requests of several goroutines cause.
type raises struct {
	sync.Mutex
	begun     atomic.Int64 // how many were begun
	completed int64        // the number of the last one that succeeded
}

// NoteReceivedKeys notes that an answer of /sync brought keys or messages of devices, which have changed the database.
// It may be called at any time.
func (m *Manager) NoteReceivedKeys() {
	m.keysReceived.Store(true)
	m.backupDue.Store(true)
}

// NoteMadeKeys notes that room keys may have been made, which are to be backed up. It may be called at any time.
func (m *Manager) NoteMadeKeys() { m.backupDue.Store(true) }

// SecureReceivedKeys raises the generation if keys were received. It must succeed before /sync is asked again: with
// that request the homeserver forgets what it has delivered, so that an older copy of the database could not receive it
// any more.
func (m *Manager) SecureReceivedKeys(ctx context.Context) error {
	if !m.keysReceived.Swap(false) { // before it is raised: what comes meanwhile takes another raise
		return nil
	} else if err := m.raiseGeneration(ctx); err != nil {
		m.keysReceived.Store(true)
		return err
	}
	return nil
}

// secureShownKeys raises the generation before others see a change of keys. A device that is new has no older copies.
func (m *Manager) secureShownKeys(ctx context.Context) error {
	if generation, err := m.generation(ctx); err != nil || generation == 0 {
		return err
	}
	return m.raiseGeneration(ctx)
}

// raiseGeneration raises the generation in the database first and then in the account data. So the account data holds a
// higher one than the database only if the database is an older copy.
func (m *Manager) raiseGeneration(ctx context.Context) error {
	before := m.raises.begun.Load()
	m.raises.Lock()
	defer m.raises.Unlock()
	if m.raises.completed > before {
		return nil // one that was begun in the meantime covers what is in the database
	}
	number := m.raises.begun.Add(1)
	generation, err := m.generation(ctx)
	if err != nil {
		return err
	}
	generation++
	if err = m.setGeneration(ctx, generation); err != nil {
		return err
	}
	ctx, cancel := m.request(ctx)
	defer cancel()
	content := &generationContent{Device: m.client.DeviceID, Generation: generation}
	if err = m.client.SetAccountData(ctx, generationType, content); err != nil {
		return fmt.Errorf("failed to store the generation of the database in the account data: %w", err)
	}
	m.raises.completed = number
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

// setGeneration stores the generation of the database.
func (m *Manager) setGeneration(ctx context.Context, generation int64) error {
	return m.db.Setting.Set(ctx, db.SettingGeneration, strconv.FormatInt(generation, 10))
}

// adoptGeneration raises the generation of the database to the published one, because the database is an older copy
// that takes the place of the newer one. So the newer one is an older copy after the next raise, if it is brought back.
func (m *Manager) adoptGeneration(ctx context.Context) error {
	own, err := m.generation(ctx)
	if err != nil {
		return err
	}
	published, err := m.publishedGeneration(ctx)
	if err != nil {
		return err
	}
	return m.setGeneration(ctx, max(own, published.Generation))
}

// isRestored reports whether the database is an older copy of one that has been used since, by this device or by one
// that was made after it.
func (m *Manager) isRestored(ctx context.Context) (bool, error) {
	generation, err := m.generation(ctx)
	if err != nil {
		return false, err
	}
	published, err := m.publishedGeneration(ctx)
	if err != nil || published.Device == "" {
		return false, err
	} else if published.Device != m.client.DeviceID {
		return generation > 0, nil // otherwise this device is new, and will publish its first generation
	}
	return published.Generation > generation, nil
}

// publishedGeneration returns the generation that the homeserver has, and the device that has raised it last. The
// device is empty if there is none.
func (m *Manager) publishedGeneration(ctx context.Context) (published generationContent, err error) {
	ctx, cancel := m.request(ctx)
	defer cancel()
	err = m.client.GetAccountData(ctx, generationType, &published)
	if errors.Is(err, mautrix.MNotFound) {
		return published, nil
	} else if err != nil {
		return published, fmt.Errorf("failed to read the generation of the database from the account data: %w", err)
	}
	return published, nil
}
