package relay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// Where it is not obvious who has reacted on Wazo, one notice for each event says it: a reply to the event, which is
// edited when that changes. It notifies nobody.

// reactionNotices say who has reacted. They are safe for concurrent use.
type reactionNotices struct {
	*Relay
	events *shownEvents

	mu    sync.Mutex
	since map[noticeKey]time.Time // when a notice was first found to be out of date
}

type noticeKey struct {
	portalID int64
	target   id.EventID
}

func newReactionNotices(r *Relay, events *shownEvents) *reactionNotices {
	return &reactionNotices{Relay: r, events: events, since: make(map[noticeKey]time.Time)}
}

// changes returns what has to be done so that the notices say who has reacted. Changes of a few seconds are made
// together; the job is woken for those that are not due yet.
func (n *reactionNotices) changes(ctx context.Context, portal *db.Portal, wished []aboutEvent, shown []*db.ShownReaction) (changes []change) {
	texts, ok := n.texts(ctx, portal, wished)
	if !ok {
		return nil // the notices stay as they are
	}
	known := make(map[id.EventID]*db.ShownReaction)
	for _, s := range shown {
		if s.Emoji == "" {
			known[s.Target] = s
		}
	}
	for _, about := range wished {
		text, s := texts[about.target], known[about.target]
		switch {
		case text == "":
			continue // if there is one, it is removed below
		case s == nil:
			s = &db.ShownReaction{PortalID: portal.ID, Target: about.target}
		}
		delete(known, about.target)
		isRefused := isRefusedNotice(s)
		if s.Withdrawn && !isRefused || !n.isDue(s, s.Says != text || s.EventID == "" && !isRefused) {
			continue
		}
		changes = append(changes, func(ctx context.Context) error { return n.say(ctx, portal, s, text) })
	}
	looked := make(map[id.EventID]bool)
	for _, about := range wished {
		looked[about.target] = texts[about.target] != ""
	}
	for _, s := range known {
		looked[s.Target] = true
		if n.isDue(s, true) {
			changes = append(changes, func(ctx context.Context) error { return n.remove(ctx, portal, s) })
		}
	}
	n.keep(portal.ID, looked)
	return changes
}

// isRefusedNotice reports whether the homeserver has refused a notice. It may take one with another text. A person who
// removes a notice wants none.
func isRefusedNotice(s *db.ShownReaction) bool { return s.Withdrawn && s.EventID == "" }

// keep forgets the notices of a portal that are neither there nor wanted any more.
func (n *reactionNotices) keep(portalID int64, looked map[id.EventID]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.since, func(key noticeKey, _ time.Time) bool { return key.portalID == portalID && !looked[key.target] })
}

// remove takes a notice back.
func (n *reactionNotices) remove(ctx context.Context, portal *db.Portal, s *db.ShownReaction) error {
	if err := n.events.remove(ctx, portal, s); err != nil {
		return err
	}
	n.done(s)
	return nil
}

// isDue reports whether a notice that is out of date is to be brought up to date now. It has the job woken when it is.
func (n *reactionNotices) isDue(s *db.ShownReaction, outdated bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := noticeKey{s.PortalID, s.Target}
	since, isKnown := n.since[key]
	if !outdated {
		delete(n.since, key)
		return false
	} else if !isKnown {
		since = time.Now()
		n.since[key] = since
	}
	left := n.cfg.ReactionWait - time.Since(since)
	if left > 0 {
		if !isKnown {
			n.tasks.WakeAfter(left, portalJob(jobRelations, s.PortalID))
		}
		return false
	}
	return true
}

// done notes that a notice is up to date.
func (n *reactionNotices) done(s *db.ShownReaction) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.since, noticeKey{s.PortalID, s.Target})
}

// say sends a notice, or edits the one that is there.
func (n *reactionNotices) say(ctx context.Context, portal *db.Portal, s *db.ShownReaction, text string) error {
	content := &event.MessageEventContent{MsgType: event.MsgNotice, Body: text, Mentions: &event.Mentions{}}
	out := Outgoing{
		Type: event.EventMessage, Content: content, Check: func(ctx context.Context) error { return n.pauses.checkMaySend(ctx, portal) },
	}
	if isRefusedNotice(s) {
		if err := n.db.ShownReaction.Delete(ctx, s); err != nil {
			return err
		}
		s = &db.ShownReaction{PortalID: s.PortalID, Target: s.Target}
	}
	if s.EventID == "" {
		content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(s.Target)
		out.Tag = Tag{Kind: TagReactions, About: s.Target}
		if s.SentAt.IsZero() {
			s.SentAt = jsontime.UM(time.Now())
		}
		s.Says = text
		err := n.events.send(ctx, s, func(txnID string) (id.EventID, error) { return n.matrix.Send(ctx, portal.MatrixRoom, out, txnID) })
		if err != nil {
			return err
		}
	} else {
		content.SetEdit(s.EventID)
		out.Tag = Tag{Kind: TagEdit}
		// To edit it twice does no harm.
		_, err := n.matrix.Send(ctx, portal.MatrixRoom, out, fmt.Sprintf("%s-edit-%d", shownTransactionID(s), time.Now().UnixMilli()))
		if err != nil && MayPass(err) {
			return err
		} else if err != nil && classify(err).Class == ClassPortal {
			return errMayNotSend
		} else if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Stringer("event_id", s.EventID).Msg("The homeserver refused to change who has reacted")
		}
	}
	n.done(s)
	return n.db.ShownReaction.SetSays(context.WithoutCancel(ctx), s, text)
}

// texts returns what the notices are to say, by the events that they are about. It returns false if that cannot be
// found out now.
func (n *reactionNotices) texts(ctx context.Context, portal *db.Portal, wished []aboutEvent) (texts map[id.EventID]string, ok bool) {
	if len(wished) == 0 {
		return nil, true
	}
	people := newCast(n.Relay, portal)
	if people.reader == nil {
		return nil, false
	}
	room, isThere, err := people.reader.room(ctx, people.wazoRoom)
	if err != nil || !isThere {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up who may have reacted")
		return nil, false
	}
	var uuids []wazoapi.UUID
	reacted := make(map[wazoapi.UUID]bool)
	for _, about := range wished {
		for _, x := range about.reactions {
			if !reacted[x.User] {
				reacted[x.User] = true
				uuids = append(uuids, x.User)
			}
		}
	}
	candidates := len(reacted)
	for _, user := range room.Users {
		_, _, isHere := people.memberOf(ctx, user.UUID)
		if !reacted[user.UUID] && !isHere && !n.accounts.isRelay(user.UUID) {
			candidates++
		}
	}
	if candidates < 2 {
		return nil, true // it is obvious
	}
	names, ok := n.names(ctx, people, uuids)
	if !ok {
		return nil, false
	}
	texts = make(map[id.EventID]string, len(wished))
	for _, about := range wished {
		var who convert.Reactions
		for _, x := range about.reactions {
			who = append(who, convert.Reaction{Emoji: convert.MatrixEmoji(x.Emoji), By: names[x.User]})
		}
		texts[about.target] = who.Who(n.Relay.texts)
	}
	return texts, true
}

// names returns how people are called: as on Matrix, if they are in the room there. It returns false if the directory
// cannot be asked: a notice is not changed because of that.
func (n *reactionNotices) names(ctx context.Context, people *cast, uuids []wazoapi.UUID) (map[wazoapi.UUID]string, bool) {
	lookup, cancel := lookupContext(ctx, nameTimeout)
	defer cancel()
	names, err := people.names.Names(lookup, uuids...)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up names in the directory")
		return nil, false
	}
	shown := make(map[wazoapi.UUID]string, len(uuids))
	for _, uuid := range uuids {
		name := names[uuid]
		if user, member, ok := people.memberOf(ctx, uuid); ok {
			name = cmp.Or(convert.CleanName(member.Name, convert.MaxProfileBytes), user.Localpart())
		}
		shown[uuid] = cmp.Or(convert.CleanName(name, convert.MaxProfileBytes), convert.ShortUUID(n.Relay.texts, string(uuid)))
	}
	return shown, true
}
