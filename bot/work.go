package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
)

// work is the key of a worker of the bot: the inbox of a room, or the notices for a room or a person. What a worker
// does is stored in the database until it is done, so a stop interrupts nothing for good.
type work struct {
	kind workKind
	room id.RoomID // "" for the notices that are said in the direct chat with user
	user id.UserID
}

type workKind string

const (
	workInbox   workKind = "inbox"
	workNotices workKind = "notices"
)

const (
	// patience is how long something that may succeed later is tried. After that, nobody waits for it any more.
	patience = 24 * time.Hour
	// workTimeout is how long one try may take. Joining a room on other servers is slow.
	workTimeout = 5 * time.Minute
)

// workBackoff is the pause after a try that failed.
var workBackoff = task.Backoff{First: time.Second, Longest: time.Minute}

// newTasks makes the scheduler of the workers.
func (b *Bot) newTasks() *task.Scheduler[work] {
	return task.New(task.Config[work]{
		Step: func(ctx context.Context, w work) (task.Outcome, error) {
			ctx, cancel := context.WithTimeout(ctx, workTimeout)
			defer cancel()
			if w.kind == workInbox {
				return b.inbox.answerNext(ctx, w.room)
			}
			return b.notices.sayNext(ctx, w)
		},
		Failed: func(ctx context.Context, _ work, err error, failures int) time.Duration {
			zerolog.Ctx(ctx).Err(err).Int("failures", failures).Msg("Failed, trying again later")
			return workBackoff.After(failures)
		},
		LogContext: func(log zerolog.Context, w work) zerolog.Context {
			return log.Str("work", string(w.kind)).Stringer("room_id", w.room).Stringer("user_id", w.user)
		},
	})
}

// resumeWork wakes the workers of everything that waited when the bot last stopped, and has the rooms of portals looked
// at.
func (b *Bot) resumeWork(ctx context.Context) error {
	if err := b.inbox.lookAtPortals(ctx); err != nil {
		return err
	}
	inbox, err := b.db.Inbox.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the inbox: %w", err)
	}
	for _, row := range inbox {
		b.InboxFilled(row.Room)
	}
	notices, err := b.db.Notice.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the notices: %w", err)
	}
	for _, notice := range notices {
		b.NoticesFilled(notice.Room, notice.User)
	}
	return nil
}

// InboxFilled implements relay.Matrix.
func (b *Bot) InboxFilled(room id.RoomID) { b.tasks.Wake(work{kind: workInbox, room: room}) }

// NoticesFilled implements relay.Matrix.
func (b *Bot) NoticesFilled(room id.RoomID, user id.UserID) {
	b.tasks.Wake(work{kind: workNotices, room: room, user: user})
}

// isWorthRetrying reports whether something that was asked for at a time may still succeed. It logs what is given up.
func (b *Bot) isWorthRetrying(ctx context.Context, err error, since db.Time) bool {
	if err == nil {
		return false
	} else if b.tasks.Stopping() || mayPass(err) && time.Since(since.Time) <= patience {
		return true
	}
	zerolog.Ctx(ctx).Err(err).Msg("Failed for good")
	return false
}
