package relay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/wazoapi"
)

// A database that was restored does not know who has logged in for the first time since the copy was made, and neither
// server can tell which user on Wazo is which on Matrix. So the homeserver keeps a record of that. It is read at each
// start, before anything is delivered for people, and completed when somebody logs in.

// LoginHistory says as which users on Wazo people have logged in, now or earlier.
type LoginHistory map[id.UserID][]wazoapi.UUID

// LoginRecord is what the core needs of the Matrix side to remember who people were on Wazo. Errors are of type
// *MatrixError.
type LoginRecord interface {
	// Logins returns what SetLogins has stored last. It is empty if nothing was stored.
	Logins(ctx context.Context) (LoginHistory, error)
	// SetLogins stores something for Logins with the account on the homeserver.
	SetLogins(ctx context.Context, logins LoginHistory) error
}

// loginRecord keeps the record. It is safe for concurrent use.
type loginRecord struct {
	accounts *accounts
	tasks    *task.Scheduler[job]
	read     atomic.Bool
	known    func() // called when the record was read

	mu      sync.Mutex
	failing time.Time // since when it cannot be read; zero: it was not tried yet
}

// loginRecordPatience is for how long deliveries wait for a record that cannot be read, although the homeserver answers
// other requests.
const loginRecordPatience = 5 * time.Minute

// isRead reports whether the record was read since the start.
func (l *loginRecord) isRead() bool { return l.read.Load() }

// wake has the record read, and completed.
func (l *loginRecord) wake() { l.tasks.Wake(job{kind: jobLogins}) }

// update reads the record, and completes it. A homeserver that refuses that, or fails over it for long, keeps no
// message back.
func (l *loginRecord) update(ctx context.Context, homeserver interface {
	LoginRecord
	Resync(ctx context.Context) error
},
) error {
	err := l.exchange(ctx, homeserver)
	if err != nil && MayPass(err) {
		if l.isRead() || l.failingFor(time.Now()) < loginRecordPatience {
			return err
		}
		resync, cancel := l.tasks.UntilStop(ctx)
		defer cancel()
		if syncErr := homeserver.Resync(resync); syncErr != nil {
			return err // it answers nothing
		}
		zerolog.Ctx(ctx).Warn().Err(err).Msg("The homeserver fails to say who has logged in to Wazo, going on without: after a restore, messages of these people may be duplicated")
		l.noteRead()
		return err
	} else if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("The homeserver does not keep who has logged in to Wazo, so that this is not known after a restore")
		l.noteRead()
	}
	return nil
}

func (l *loginRecord) exchange(ctx context.Context, homeserver LoginRecord) error {
	recorded, err := homeserver.Logins(ctx)
	if err != nil {
		return fmt.Errorf("failed to read who had logged in to Wazo: %w", err)
	}
	known := l.accounts.learn(recorded)
	l.noteRead()
	if maps.EqualFunc(known, recorded, slices.Equal) {
		return nil
	}
	if err = homeserver.SetLogins(ctx, known); err != nil {
		return fmt.Errorf("failed to store who has logged in to Wazo: %w", err)
	}
	return nil
}

// failingFor returns for how long the record cannot be read. It begins with the first call.
func (l *loginRecord) failingFor(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing.IsZero() {
		l.failing = now
	}
	return now.Sub(l.failing)
}

// noteRead lets what waits for the record go on.
func (l *loginRecord) noteRead() {
	if !l.read.Swap(true) {
		l.known()
	}
}
