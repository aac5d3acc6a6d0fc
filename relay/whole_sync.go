package relay

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/internal/task"
)

// A homeserver that was just restarted may answer the first request of /sync with only some of the events that it has,
// or with none, and bring the others with the next answers (docs/matrix.md, "Dendrite"). If the database was restored
// from an older copy, these are events that were delivered already. So what was posted before this start is kept for
// comparison until one more answer, which is asked for a little later, has brought nothing that is older than the
// start. Until then no room is made for a conversation either: the bot may be in one that such a copy does not know.

// wholeSync finds out when /sync has brought everything that happened before this start.
type wholeSync struct {
	startup *startup
	tasks   *task.Scheduler[job]
	wait    time.Duration                   // before each answer that is asked for
	wake    func()                          // wakes the queues when everything is there
	wanted  func(ctx context.Context) error // has the rooms of conversations made then
}

// wholeTries is after how many answers it is no longer waited for one without old events: the clock of the homeserver
// may be so slow that everything seems old.
const wholeTries = 20

// await returns when /sync has brought everything. It does nothing before the first answer was accepted.
func (s *wholeSync) await(ctx context.Context, matrix Matrix) error {
	if s.startup.isWhole() {
		return s.wanted(ctx) // it may have failed
	} else if !s.startup.isSynced() {
		return nil
	}
	for range wholeTries {
		if err := s.tasks.Sleep(ctx, s.wait); err != nil {
			return err
		}
		before := s.startup.oldAnswers()
		resync, cancel := s.tasks.UntilStop(ctx)
		err := matrix.Resync(resync)
		cancel()
		if err != nil {
			return err
		} else if s.startup.oldAnswers() == before {
			break
		}
		zerolog.Ctx(ctx).Info().Msg("The homeserver has brought more of what happened before the start")
	}
	s.startup.noteWhole()
	s.wake()
	return s.wanted(ctx)
}
