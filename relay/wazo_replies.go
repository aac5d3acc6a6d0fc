package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// On Wazo a message becomes a reply only after it was posted: its author's client marks it (docs/wazo.md, "Replies"). A
// message therefore waits a moment for its mark before it is shown. If the mark comes later, the event is edited
// (late_replies.go).
//
// Wazo lists all replies of a room at once, however many they are. Only the marks of messages that still wait to be
// shown are kept.

// wazoReplies know which of the messages of Wazo that wait to be shown are replies. They are safe for concurrent use.
type wazoReplies struct {
	*Relay

	mu    sync.Mutex
	known map[int64]*waitingReplies // by portal
}

// waitingReplies are the marks of messages of a portal that were not shown yet when they were last read. No mark is
// ever taken away.
type waitingReplies struct {
	during   hearing // they are complete from the begin of this connection on …
	until    int64   // … for the messages up to this position in the queue
	failedAt time.Time
	of       map[wazoapi.UUID]*replyMark // by the message that is the reply
}

// replyMark is the mark of a message that waits.
type replyMark struct {
	wazoapi.Reply
	heardAt time.Time // when an event told of it; zero: it was only read
	isUsed  bool      // the message is shown as a reply
}

// hearing is a connection by which new marks are heard. The zero value is none.
type hearing struct {
	stream     *stream
	connection uint64
}

func hearingOf(acc *account) hearing {
	stream := acc.stream()
	return hearing{stream, stream.connection.Load()}
}

func newWazoReplies(r *Relay) *wazoReplies {
	return &wazoReplies{Relay: r, known: make(map[int64]*waitingReplies)}
}

// in returns what is known of a portal; the caller holds r.mu.
func (r *wazoReplies) in(portalID int64) *waitingReplies {
	known := r.known[portalID]
	if known == nil {
		known = &waitingReplies{of: make(map[wazoapi.UUID]*replyMark)}
		r.known[portalID] = known
	}
	return known
}

// maxWaitingReplies is how many messages of a portal may wait so that the marks of all of them are known. The marks of
// others are read when their turn comes.
const maxWaitingReplies = 1000

// heard notes a mark that was heard of. The message may wait for it.
func (r *wazoReplies) heard(portalID int64, reply wazoapi.Reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.in(portalID)
	if len(known.of) >= 2*maxWaitingReplies { // somebody marks what was shown long ago
		*known = waitingReplies{of: make(map[wazoapi.UUID]*replyMark)}
	}
	known.of[reply.Child] = &replyMark{Reply: reply, heardAt: time.Now()}
	r.tasks.Wake(portalJob(jobToMatrix, portalID))
}

// shown notes that it is known now which event shows a message. It reports whether the message is a reply, and is not
// shown as one.
func (r *wazoReplies) shown(portalID int64, message wazoapi.UUID) (isLate bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.known[portalID]
	if known == nil { // the portal may have ended just now
		return false
	}
	mark := known.of[message]
	delete(known.of, message)
	return mark != nil && !mark.isUsed
}

// missed notes that marks may have been missed although no connection was lost: the plugin was not there.
func (r *wazoReplies) missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.known {
		known.during, known.failedAt = hearing{}, time.Time{}
	}
}

// forget forgets the replies in a portal that has ended.
func (r *wazoReplies) forget(portalID int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, portalID)
}

// read returns all replies in a portal, by the messages that are the replies, and keeps those that wait to be shown.
func (r *wazoReplies) read(ctx context.Context, portal *db.Portal, acc *account) (map[wazoapi.UUID]wazoapi.Reply, error) {
	var during hearing
	if r.readers.isVerified(portal) { // otherwise messages may still come that were marked before the connection began
		during = hearingOf(acc)
	}
	replies, err := acc.api.RoomReplies(ctx, wazoapi.UUID(portal.WazoRoom))
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.in(portal.ID).failedAt = time.Now()
		return nil, fmt.Errorf("failed to read replies: %w", err)
	}
	waiting, until, err := r.db.Queue.FirstSources(ctx, portal.ID, db.ToMatrix, maxWaitingReplies)
	if err != nil {
		return nil, err
	} else if len(waiting) < maxWaitingReplies {
		until = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.in(portal.ID)
	// The message of a mark that was heard of may not have been accepted yet.
	maps.DeleteFunc(known.of, func(child wazoapi.UUID, mark *replyMark) bool {
		return time.Since(mark.heardAt) > lateReply && !slices.Contains(waiting, string(child))
	})
	for _, uuid := range waiting {
		child := wazoapi.UUID(uuid)
		if reply, ok := replies[child]; ok && known.of[child] == nil {
			known.of[child] = &replyMark{Reply: reply}
		}
	}
	known.during, known.until = during, until
	return replies, nil
}

const (
	// replyTimeout is how long a message waits for the replies of its room to be read.
	replyTimeout = 5 * time.Second
	// replyRetry is how long the others of its room do not try to read them again if that fails.
	replyRetry = 30 * time.Second
)

// replyOf returns what a message of a portal replies to. It reports false if that is nothing, or cannot be found out
// now: the message is worth more.
func (r *wazoReplies) replyOf(ctx context.Context, portal *db.Portal, acc *account, message wazoapi.Message) (wazoapi.Reply, bool) {
	if acc == nil || !acc.hasPlugin() {
		return wazoapi.Reply{}, false
	}
	r.mu.Lock()
	known := r.in(portal.ID)
	isComplete := known.during == hearingOf(acc) && message.CreatedAt.UnixMicro() <= known.until
	mayRead := time.Since(known.failedAt) > replyRetry
	r.mu.Unlock()
	if !isComplete && mayRead {
		ctx, cancel := lookupContext(ctx, replyTimeout)
		defer cancel()
		if _, err := r.read(ctx, portal, acc); err != nil && !errors.Is(err, wazoapi.ErrNoPlugin) {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up what a message on Wazo replies to")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	mark := r.in(portal.ID).of[message.UUID]
	if mark == nil || !makesSense(mark.Reply, message.CreatedAt) {
		return wazoapi.Reply{}, false
	}
	mark.isUsed = true
	return mark.Reply, true
}

// makesSense reports whether a message that was posted at a time can be a reply to what it is marked as a reply to:
// anybody may mark any message, also as a reply to itself or to a later one.
func makesSense(reply wazoapi.Reply, posted time.Time) bool {
	return reply.Child != reply.Parent && !reply.Preview.CreatedAt.After(posted)
}

// awaits reports whether a row in a queue to Matrix must wait, because its message may still be marked as a reply. When
// that is over, the queue is woken.
func (r *wazoReplies) awaits(portal *db.Portal, row *db.Row) bool {
	left := r.cfg.ReplyWait - time.Since(row.AcceptedAt.Time)
	isTouched := row.State != db.StateNew || row.HasRequest() || row.Part > 0
	if left <= 0 || left > r.cfg.ReplyWait || isTouched || row.Kind != db.KindMessage || isPast(portal, row.Position) || r.isMarked(row) {
		return false
	} else if acc := r.readers.of(portal); acc == nil || !acc.hasPlugin() {
		return false
	}
	r.tasks.WakeAfter(left, queueJob(row.Queue()))
	return true
}

// isMarked reports whether the message of a row is known to be a reply.
func (r *wazoReplies) isMarked(row *db.Row) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.in(row.PortalID).of[wazoapi.UUID(row.SourceID)] != nil
}

// mayBeReply reports whether the message of a row is a reply, or may still be marked as one.
func (r *wazoReplies) mayBeReply(portal *db.Portal, row *db.Row) bool {
	return r.isMarked(row) || r.awaits(portal, row)
}
