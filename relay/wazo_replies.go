package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// On Wazo a message becomes a reply only after it was posted: its author's client marks it (docs/wazo.md, "Replies"). A message therefore
// waits a moment for its mark before it is shown. If the mark comes later, the event is edited (late_replies.go).

// wazoReplies know which messages on Wazo are replies. They are safe for concurrent use.
type wazoReplies struct {
	*Relay

	mu    sync.Mutex
	known map[int64]*knownReplies // by portal
}

// knownReplies are the replies in a room. No mark is ever taken away.
type knownReplies struct {
	during  hearing // they are complete from the begin of this connection on
	askedAt time.Time
	of      map[wazoapi.UUID]wazoapi.Reply // by the message that is the reply
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
	return &wazoReplies{Relay: r, known: make(map[int64]*knownReplies)}
}

// in returns what is known of a portal; the caller holds r.mu.
func (r *wazoReplies) in(portalID int64) *knownReplies {
	known := r.known[portalID]
	if known == nil {
		known = &knownReplies{of: make(map[wazoapi.UUID]wazoapi.Reply)}
		r.known[portalID] = known
	}
	return known
}

// of returns the replies in a portal that are known, by the messages that are the replies.
func (r *wazoReplies) of(portalID int64) map[wazoapi.UUID]wazoapi.Reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.in(portalID).of)
}

// heard notes a mark that was heard of. The message may wait for it.
func (r *wazoReplies) heard(portalID int64, reply wazoapi.Reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in(portalID).of[reply.Child] = reply
	r.tasks.Wake(portalJob(jobToMatrix, portalID))
}

// missed notes that marks may have been missed although no connection was lost: the plugin was not there.
func (r *wazoReplies) missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.known {
		known.during, known.askedAt = hearing{}, time.Time{}
	}
}

// forget forgets the replies in a portal that has ended.
func (r *wazoReplies) forget(portalID int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, portalID)
}

// refresh reads the replies in a portal.
func (r *wazoReplies) refresh(ctx context.Context, portal *db.Portal, acc *account) error {
	during := hearingOf(acc)
	replies, err := acc.api.RoomReplies(ctx, wazoapi.UUID(portal.WazoRoom))
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.in(portal.ID)
	known.askedAt = time.Now()
	if err != nil {
		return fmt.Errorf("failed to read replies: %w", err)
	}
	maps.Copy(known.of, replies)
	known.during = during
	return nil
}

const (
	// replyTimeout is how long a message waits for the replies of its room to be read.
	replyTimeout = 5 * time.Second
	// replyRetry is how long the others of its room do not try to read them again if that fails.
	replyRetry = 30 * time.Second
)

// replyOf returns what a message of a portal replies to. It reports false if that is nothing, or cannot be found out now: the message is
// worth more.
func (r *wazoReplies) replyOf(ctx context.Context, portal *db.Portal, acc *account, message wazoapi.Message) (wazoapi.Reply, bool) {
	if acc == nil || !acc.hasPlugin() {
		return wazoapi.Reply{}, false
	}
	r.mu.Lock()
	known := r.in(portal.ID)
	isComplete, askedAt := known.during == hearingOf(acc), known.askedAt
	r.mu.Unlock()
	if !isComplete && time.Since(askedAt) > replyRetry {
		ctx, cancel := context.WithTimeout(ctx, replyTimeout)
		defer cancel()
		if err := r.refresh(ctx, portal, acc); err != nil && !errors.Is(err, wazoapi.ErrNoPlugin) {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up what a message on Wazo replies to")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	reply, ok := r.in(portal.ID).of[message.UUID]
	return reply, ok && makesSense(reply, message.CreatedAt)
}

// makesSense reports whether a message that was posted at a time can be a reply to what it is marked as a reply to: anybody may mark any
// message, also as a reply to itself or to a later one.
func makesSense(reply wazoapi.Reply, posted time.Time) bool {
	return reply.Child != reply.Parent && !reply.Preview.CreatedAt.After(posted)
}

// awaits reports whether a row in a queue to Matrix must wait, because its message may still be marked as a reply. When that is over,
// the queue is woken.
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
	_, ok := r.in(row.PortalID).of[wazoapi.UUID(row.SourceID)]
	return ok
}

// mayBeReply reports whether the message of a row is a reply, or may still be marked as one.
func (r *wazoReplies) mayBeReply(portal *db.Portal, row *db.Row) bool {
	return r.isMarked(row) || r.awaits(portal, row)
}

// addReply lets the parts of a message show what it replies to.
func (d *matrixDelivery) addReply(ctx context.Context, message wazoapi.Message, parts []*matrixPart) error {
	if len(parts) == 0 {
		return nil
	}
	reply, ok := d.wazoRelations.replies.replyOf(ctx, d.portal, d.cast.reader, message)
	if !ok {
		return nil
	}
	first := parts[0]
	first.Answers = true
	target, err := d.replyTarget(ctx, reply.Parent)
	if err != nil {
		return err
	} else if target == "" {
		quote, err := d.wazoRelations.replies.quote(ctx, d.portal, d.cast, reply)
		if err != nil {
			return err
		} else if quoted, ok := convert.WithQuote(d.texts, first.Content, quote); ok {
			first.Content = quoted
		}
		return nil
	}
	for _, content := range []*event.MessageEventContent{first.Content, first.EncryptedFallback} {
		if content != nil {
			content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(target)
		}
	}
	return nil
}

// replyTarget returns the event to which an event is a reply if it shows a reply to a message. It returns "" if no event shows that
// message, or one that shows what was said before the conversation opened: then it is quoted instead.
func (d *matrixDelivery) replyTarget(ctx context.Context, parent wazoapi.UUID) (id.EventID, error) {
	if parent == "" {
		return "", nil
	}
	targets, err := d.db.Message.Targets(ctx, d.portal.ID, string(parent))
	if err != nil || len(targets) == 0 {
		return "", err
	} else if at := targets[0].CreatedAt; !at.IsZero() && isPast(d.portal, at.UnixMicro()) {
		return "", nil
	}
	return targets[0].EventID, nil
}

// quote returns what is quoted of the message that a reply answers. Wazo keeps the text of what was taken back on Matrix: it is not shown
// there again.
func (r *wazoReplies) quote(ctx context.Context, portal *db.Portal, c *cast, reply wazoapi.Reply) (convert.Quote, error) {
	preview := reply.Preview
	targets, err := r.db.Message.Targets(ctx, portal.ID, string(reply.Parent))
	if err != nil {
		return convert.Quote{}, err
	}
	for _, target := range targets {
		if !r.isReadable(ctx, portal, target.EventID) {
			preview.Content = ""
		}
	}
	return c.quoteOf(ctx, preview), nil
}

// isReadable reports whether an event is known to say something still.
func (r *wazoReplies) isReadable(ctx context.Context, portal *db.Portal, eventID id.EventID) bool {
	ctx, cancel := context.WithTimeout(ctx, relationTimeout)
	defer cancel()
	evt, err := r.matrix.Event(ctx, portal.MatrixRoom, eventID)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", eventID).Msg("Failed to look up what a message answers")
		return false
	}
	return evt != nil && evt.ParseError == nil && evt.Unsigned.RedactedBecause == nil && evt.Type.Type != event.EventEncrypted.Type
}
