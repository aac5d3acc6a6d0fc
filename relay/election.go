package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// A portal keeps its reader as long as this can be used and is a member of the Wazo room. Then another account that is
// a member takes over. It begins unverified, and reads the history from the cursor on, so that nothing is lost. The
// cursor moves only for who is the reader at that moment, so that a reading of the old reader that is late hides
// nothing.

// elect gives a portal another reader than those that cannot read it. It changes portal.ReaderID. It returns nil if
// nobody can take over. After an error that cannot be told.
func (r *readers) elect(ctx context.Context, portal *db.Portal, unfit []*account) (*account, error) {
	var failure error
	for _, acc := range r.candidates(ctx, portal) {
		if slices.Contains(unfit, acc) {
			continue
		}
		member, _, err := acc.isMember(ctx, wazoapi.UUID(portal.WazoRoom), r.cfg.MemberKept)
		if err != nil {
			failure = cmp.Or(failure, r.failedAlone(ctx, acc, err))
			continue
		} else if !member {
			continue
		}
		changed, err := r.db.Portal.SetReader(ctx, portal.ID, portal.ReaderID, acc.row.ID)
		if err != nil || !changed {
			return nil, cmp.Or(err, fmt.Errorf("the reader of portal %d changed meanwhile", portal.ID))
		}
		zerolog.Ctx(ctx).Info().Int64("was", portal.ReaderID).Int64("is", acc.row.ID).Stringer("matrix_user", acc.row.MatrixUser).Msg("Another account reads a chat from now on")
		portal.ReaderID = acc.row.ID
		return acc, nil
	}
	return nil, failure
}

// failedAlone returns an error of an account, nil if it says only that this account cannot be used, or not for what was
// asked.
func (r *readers) failedAlone(ctx context.Context, acc *account, err error) error {
	switch {
	case acc != r.account && errors.Is(err, wazoapi.ErrLogInEnded):
		return r.accounts.refused(ctx, acc, err)
	case whyInstead(err) != "":
		return nil
	default:
		return err
	}
}

// candidates returns who might read a portal: who is probably a member of the Wazo room first, and among them the relay
// account, then people who are in the Matrix room, then the others.
func (r *readers) candidates(ctx context.Context, portal *db.Portal) []*account {
	joined, err := r.matrix.Members(ctx, portal.MatrixRoom)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the members of a room") // it is only about the order
	}
	members, others := r.accounts.membersFirst(wazoapi.UUID(portal.WazoRoom))
	for _, group := range [][]*account{members, others} {
		slices.SortStableFunc(group, func(x, y *account) int {
			return cmp.Compare(r.rank(x, joined), r.rank(y, joined))
		})
	}
	return append(members, others...)
}

func (r *readers) rank(acc *account, joined map[id.UserID]Member) int {
	if acc == r.account || joined[acc.row.MatrixUser].Joined {
		return 0
	}
	return 1
}

// catchUpPortal has a portal's history read, by another reader if the present one cannot. What keeps all of them from
// that, if it is not the service, pauses the portal: nothing can be shown on Matrix before it is known that nothing is
// missing.
func (r *readers) catchUpPortal(ctx context.Context, portalID int64) error {
	portal, err := r.db.Portal.ByID(ctx, portalID)
	if err != nil || portal == nil || portal.StartedOnWazo.IsZero() {
		return err
	}
	acc, pause := r.of(portal), PauseNoReader
	var unfit []*account
	var mayPass error // why an account cannot read now
	for {
		if acc == nil {
			if acc, err = r.elect(ctx, portal, unfit); err != nil {
				return err
			} else if acc == nil && mayPass != nil {
				return mayPass
			} else if acc == nil {
				return r.pauses.begin(ctx, portal, pause, pause.directionOfReading())
			}
		}
		if err = (&reader{r.Relay, acc}).catchUp(ctx, portal); err == nil {
			return r.pauses.end(ctx, portal, pauseOf(portal, PauseNoRoom, db.Reading), pauseOf(portal, PausePermission, db.Reading),
				pauseOf(portal, PauseLogin, db.Reading), pauseOf(portal, PauseNoReader, ""))
		} else if whyInstead(err) == "" || r.tasks.Stopping() {
			return r.readError(acc, err)
		}
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("An account cannot read a chat")
		if failure := classify(err); failure.Class != ClassPortal {
			mayPass = r.readError(acc, err)
		} else if acc == r.account {
			pause = failure.Pause
		} else if err = r.failedAlone(ctx, acc, err); err != nil {
			return err
		}
		acc.forgetRoom(wazoapi.UUID(portal.WazoRoom))
		unfit = append(unfit, acc)
		acc = nil
	}
}

// directionOfReading is what stops when nobody can read a portal for a reason. Without any account in the chat nobody
// can post either.
func (p Pause) directionOfReading() db.Direction {
	if p == PauseNoReader {
		return ""
	}
	return db.Reading
}

// readError marks an error of a person's account that may be the account's own: it says nothing about Wazo as a whole.
func (r *readers) readError(acc *account, err error) error {
	if acc != r.account && (wazoapi.IsAuth(err) || whyInstead(err) != "") {
		return &ownAccountError{err}
	}
	return err
}

// used notes that an account has heard something for a portal. It has Wazo asked, now and then, whether it still
// accepts the log-in.
func (r *readers) used(acc *account) {
	if acc == r.account || time.Since(acc.checkedAt.load()) < r.cfg.MemberKept {
		return
	}
	r.posters.check(acc)
}
