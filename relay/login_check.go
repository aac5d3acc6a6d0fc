package relay

import (
	"context"
	"errors"
	"time"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/wazoapi"
)

// keepLoginsChecked asks Wazo for each log-in, once in each interval, whether it is still accepted. They are asked for
// one after the other.
func (r *Relay) keepLoginsChecked(ctx context.Context) {
	for {
		all := r.accounts.all()
		pause := r.cfg.LoginCheck / time.Duration(max(1, len(all)))
		for i := 0; i == 0 || i < len(all); i++ {
			if task.Sleep(ctx, pause) != nil {
				return
			}
			// The person may have logged out or in again meanwhile.
			if i < len(all) && r.accounts.of(all[i].row.MatrixUser) == all[i] {
				r.isOver(ctx, all[i])
			}
		}
	}
}

// isOver reports whether Wazo does not accept the log-in of a person any more. It tells the person, if so.
func (r *Relay) isOver(ctx context.Context, acc *account) bool {
	err := acc.api.Check(ctx)
	if !errors.Is(err, wazoapi.ErrLogInEnded) {
		if err != nil {
			r.log.Debug().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Failed to check a log-in")
		}
		return false
	}
	if err = r.accounts.refused(ctx, acc, err); err != nil {
		r.log.Err(err).Msg("Failed to store that Wazo refuses a log-in")
	}
	return true
}
