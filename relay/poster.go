package relay

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// People who have logged in post on Wazo as themselves, in the chats of which they are members. Everybody else's
// messages go out through the relay account, with their names as aliases. So do those of a person whose own account
// fails for a reason of its own. Then the person is told.

// poster is the account that posts a message, nil if there is none: neither the relay account nor that of the sender is
// a member of the chat.
type poster struct {
	*account
	own     bool          // it is the sender's own account, not the relay account
	instead words.Instead // why it is the relay account although the sender has an account; empty if that is not so
}

// insteadRefused means that Wazo refuses the log-in of the sender, who was told so when that was found.
const insteadRefused words.Instead = "refused"

// posters decide which account posts a message. They are safe for concurrent use.
type posters struct {
	accounts *accounts
	health   *health
	tasks    *task.Scheduler[job]
	kept     time.Duration // how long it is believed that an account is a member of a room, or cannot post there
	patience time.Duration // how long a message waits for the account of its sender while Wazo works for others

	mu       sync.Mutex
	troubles map[accountRoom]trouble
}

// accountRoom is an account in a Wazo room, or in all of them.
type accountRoom struct {
	account *account
	room    wazoapi.UUID // empty: all
}

// trouble is why an account could not post.
type trouble struct {
	why      words.Instead
	until    time.Time // when it is tried again
	failures int       // how often it was tried in vain
}

// longestTrouble is after how long an account that has failed is tried again, at the latest.
const longestTrouble = 15 * time.Minute

// of returns the account that posts a message of a person, which was accepted at a time, in a portal. After an error
// the message has to wait, or the sender is told why it is not posted.
func (p *posters) of(ctx context.Context, portal *db.Portal, sender id.UserID, accepted time.Time) (poster, error) {
	acc := p.accounts.login(sender)
	var why words.Instead
	if acc != nil {
		var err error
		if why, err = p.whyNot(ctx, acc, wazoapi.UUID(portal.WazoRoom), accepted); err != nil {
			return poster{}, err
		} else if why == "" {
			return poster{account: acc, own: true}, nil
		}
	}
	relay, err := p.relayIn(ctx, portal)
	switch {
	case err != nil:
		return poster{}, err
	case relay == nil && why == insteadRefused:
		return poster{}, &messageError{why: words.WhyOwnLogin}
	case relay == nil && acc != nil && why != words.InsteadNoMember:
		return poster{}, &messageError{why: words.WhyOwnAccount} // it may work later
	default:
		return poster{account: relay, instead: why}, nil
	}
}

// relayIn returns the relay account if it is a member of a portal's Wazo room, and else nil. If it is the reader of the
// portal and not a member any more, the error is errNoMember, with which the messages wait: they belong to a link that
// may go on.
func (p *posters) relayIn(ctx context.Context, portal *db.Portal) (*account, error) {
	relay := p.accounts.relay
	if relay == nil {
		return nil, nil
	}
	member, _, err := relay.isMember(ctx, wazoapi.UUID(portal.WazoRoom), p.kept)
	switch {
	case err != nil:
		return nil, err
	case member:
		return relay, nil
	case relay.row.ID == portal.ReaderID:
		p.tasks.Wake(portalJob(jobCatchUp, portal.ID)) // perhaps another account can read
		return nil, errNoMember
	default:
		return nil, nil
	}
}

// whyNot says why a person's account cannot post in a room, "" if it can. After an error the message has to wait.
func (p *posters) whyNot(ctx context.Context, acc *account, room wazoapi.UUID, accepted time.Time) (words.Instead, error) {
	if acc.refused.Load() {
		return insteadRefused, nil
	} else if why := p.troubleOf(acc, room); why != "" {
		return why, nil
	}
	// chatd lets everybody of the tenant post anywhere (docs/wazo.md, "Post messages").
	member, asked, err := acc.isMember(ctx, room, p.kept)
	if asked && err == nil {
		p.works(acc, "")
	}
	switch {
	case err != nil:
		why, err := p.failed(ctx, acc, room, accepted, false, err)
		if err != nil && classify(err).Class != ClassService {
			return words.InsteadAccountFails, nil // the message is not at fault
		}
		return why, err
	case asked:
		p.check(acc)
	}
	if !member {
		return words.InsteadNoMember, nil
	}
	return "", nil
}

// check finds out, while the message goes on, whether Wazo still accepts a log-in: its access token would work for
// hours after it was revoked.
func (p *posters) check(acc *account) {
	acc.checkedAt.store(time.Now())
	p.tasks.Go(func(ctx context.Context) {
		err := acc.api.Check(ctx)
		if errors.Is(err, wazoapi.ErrLogInEnded) {
			err = p.accounts.refused(ctx, acc, err)
		}
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Failed to check the log-in of a person")
		}
	})
}

// failed says what an error of a request by a person's account means: why another account has to post, or else an
// error, with which the message has to wait. The request was a post, or asked where the account is a member.
func (p *posters) failed(ctx context.Context, acc *account, room wazoapi.UUID, accepted time.Time, isPost bool, err error) (words.Instead, error) {
	why := whyInstead(err)
	where := accountRoom{acc, room}
	if wazoapi.IsAuth(err) || why == "" && !isPost {
		where.room = "" // it cannot log in, or see where it is a member
	}
	if why == "" && (p.hasFailed(where) || time.Since(accepted) > p.patience) {
		why = p.whyAlone(err)
	}
	switch why {
	case "":
		return "", &ownAccountError{err}
	case insteadRefused:
		return why, p.accounts.refused(ctx, acc, err)
	}
	p.note(where, why)
	return why, nil
}

// note notes that an account could not post. It is tried again after a pause, which grows until it works.
func (p *posters) note(where accountRoom, why words.Instead) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.troubles == nil {
		p.troubles = make(map[accountRoom]trouble)
	}
	failures, pause := 1, p.kept
	if why == words.InsteadLogInFails || why == words.InsteadAccountFails {
		failures = p.troubles[where].failures + 1
		pause = task.Backoff{First: p.kept, Longest: longestTrouble}.WithoutJitter(failures)
	}
	p.troubles[where] = trouble{why, time.Now().Add(pause), failures}
}

// hasFailed reports whether an account could not post when that was last tried. Then no message waits for it again.
func (p *posters) hasFailed(where accountRoom) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, failed := p.troubles[where]
	return failed
}

// works notes that an account can log in, and has posted in a room or (empty) has seen where it is a member.
func (p *posters) works(acc *account, room wazoapi.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.troubles, accountRoom{account: acc})
	delete(p.troubles, accountRoom{acc, room})
}

// whyAlone says what fails for an account although it works for the relay account, "" if it fails for both, or if the
// message is at fault. The others must not wait for one person's account.
func (p *posters) whyAlone(err error) words.Instead {
	switch {
	case classify(err).Class != ClassService || !isWazo(err) || !p.health.of(serviceLogin).works:
		return ""
	case wazoapi.IsAuth(err):
		return words.InsteadLogInFails
	case p.health.of(serviceChat).works:
		return words.InsteadAccountFails
	default:
		return ""
	}
}

// troubleOf returns why an account could not post in a room a moment ago, "" if it could or is to be tried now.
func (p *posters) troubleOf(acc *account, room wazoapi.UUID) words.Instead {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, where := range []accountRoom{{account: acc}, {acc, room}} {
		if t, ok := p.troubles[where]; ok && time.Now().Before(t.until) {
			return t.why
		}
	}
	return ""
}

// whyInstead returns why an error keeps a person's account from posting, "" if it says nothing about the account. Then
// the error is that of the service, or of the message.
func whyInstead(err error) words.Instead {
	answer, ok := errors.AsType[*wazoapi.Error](err)
	switch {
	case errors.Is(err, wazoapi.ErrLogInEnded):
		return insteadRefused
	case errors.Is(err, wazoapi.ErrTooManySessions):
		return words.InsteadTooManyLogins
	case ok && wazoapi.IsAuth(err) && answer.Status < http.StatusInternalServerError:
		return words.InsteadLogInFails
	}
	failure := classify(err)
	switch {
	case failure.Class != ClassPortal:
		return ""
	case failure.Pause == PausePermission:
		return words.InsteadNoPermission
	case failure.Pause == PauseNoRoom:
		return words.InsteadNoMember
	default:
		return words.InsteadConflict
	}
}

// ownAccountError is an error of a request by the account of a person. It says nothing about Wazo as a whole: the relay
// account shows how that is.
type ownAccountError struct{ cause error }

// Error implements error.
func (e *ownAccountError) Error() string {
	return "through the sender's own account: " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *ownAccountError) Unwrap() error { return e.cause }

// isOwnAccount reports whether an error is that of a request by a person's account.
func isOwnAccount(err error) bool {
	_, own := errors.AsType[*ownAccountError](err)
	return own
}
