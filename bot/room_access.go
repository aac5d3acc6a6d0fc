package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
)

// maxNamedRooms is how many rooms are looked at to find out who may join one. A room that lets in the members of more
// than these counts as open.
const maxNamedRooms = 50

// whyOpen says in words why strangers can read a room, "" if they cannot. Guest access does not matter by itself:
// guests come in only where the join rule lets them (client-server API, "Guest access").
func (r *roomInfo) whyOpen(ctx context.Context, roomID id.RoomID) (string, error) {
	look := accessLook{roomInfo: r, room: roomID}
	var rule event.JoinRulesEventContent
	if err := r.state(ctx, roomID, event.StateJoinRules, "", &rule); err != nil {
		return "", err
	}
	why, err := look.whyJoinable(ctx, &rule)
	if err != nil {
		return "", err
	}
	if why != "" {
		return why, nil
	}
	var history event.HistoryVisibilityEventContent
	if err := r.state(ctx, roomID, event.StateHistoryVisibility, "", &history); err != nil {
		return "", err
	} else if history.HistoryVisibility == event.HistoryVisibilityWorldReadable {
		return r.texts.OpenHistory(), nil
	}
	return "", nil
}

// namedRooms knows by way of which rooms others were found to be open or not, also over a restart. It forgets nothing:
// a room that is not named any more leads to a look that changes nothing.
type namedRooms struct {
	db *db.Database

	mu sync.Mutex
	by map[id.RoomID]map[id.RoomID]bool // the named room → those that name it
}

// load reads what was known when the bot last stopped. It returns the rooms that name others.
func (n *namedRooms) load(ctx context.Context) ([]id.RoomID, error) {
	stored, err := n.db.NamedRoom.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to read which rooms let in the members of others: %w", err)
	}
	naming := make(map[id.RoomID]bool)
	for _, s := range stored {
		n.note(s)
		naming[s.Room] = true
	}
	return slices.Collect(maps.Keys(naming)), nil
}

// add notes and stores that a room names another one.
func (n *namedRooms) add(ctx context.Context, named db.NamedRoom) error {
	n.note(named)
	if err := n.db.NamedRoom.Insert(ctx, named); err != nil {
		return fmt.Errorf("failed to store which room lets in the members of another one: %w", err)
	}
	return nil
}

func (n *namedRooms) note(named db.NamedRoom) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.by == nil {
		n.by = make(map[id.RoomID]map[id.RoomID]bool)
	}
	if n.by[named.Named] == nil {
		n.by[named.Named] = make(map[id.RoomID]bool)
	}
	n.by[named.Named][named.Room] = true
}

// naming returns the rooms that name one.
func (n *namedRooms) naming(named id.RoomID) []id.RoomID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.by[named]))
}

// accessLook finds out whether strangers may join a room. A restricted room is as open as the rooms whose members may
// join it (client-server API, "Restricted rooms").
type accessLook struct {
	*roomInfo
	room  id.RoomID
	named []id.RoomID // those whose members may join, also by way of others
}

// whyJoinable says in words why strangers may join a room with a join rule, "" if they may not.
func (l *accessLook) whyJoinable(ctx context.Context, rule *event.JoinRulesEventContent) (string, error) {
	switch rule.JoinRule {
	case event.JoinRulePublic:
		return l.texts.OpenJoin(), nil
	case event.JoinRuleRestricted, event.JoinRuleKnockRestricted:
	default:
		return "", nil
	}
	for _, allow := range rule.Allow {
		if allow.Type != event.JoinRuleAllowRoomMembership || allow.RoomID == "" || allow.RoomID == l.room || slices.Contains(l.named, allow.RoomID) {
			continue // homeservers ignore conditions that they do not know
		}
		if why, err := l.whyJoinableThrough(ctx, allow.RoomID); err != nil || why != "" {
			return why, err
		}
	}
	return "", nil
}

// whyJoinableThrough is whyJoinable for a room that another one names.
func (l *accessLook) whyJoinableThrough(ctx context.Context, other id.RoomID) (string, error) {
	if len(l.named) == maxNamedRooms {
		return l.texts.OpenThroughUnknown(other.String()), nil
	}
	// It is noted before the homeserver is asked: so a change is either seen now, or leads to another look.
	l.named = append(l.named, other)
	if err := l.namedRooms.add(ctx, db.NamedRoom{Room: l.room, Named: other}); err != nil {
		return "", err
	}
	rule, err := l.joinRuleOf(ctx, other)
	if err != nil {
		return "", err
	} else if rule == nil {
		return l.texts.OpenThroughUnknown(other.String()), nil
	}
	why, err := l.whyJoinable(ctx, rule)
	if err != nil || why == "" {
		return "", err
	}
	return l.texts.OpenThrough(other.String(), why), nil
}

// joinRuleOf reads the join rule of another room. It returns nil if the bot is not in there: then it is not told of
// changes, and homeservers tell it nothing, or what there was when it left.
func (l *accessLook) joinRuleOf(ctx context.Context, other id.RoomID) (*event.JoinRulesEventContent, error) {
	var own event.MemberEventContent
	var rule event.JoinRulesEventContent
	found, err := l.findState(ctx, other, event.StateMember, l.userID.String(), &own)
	if err == nil && found && own.Membership == event.MembershipJoin {
		found, err = l.findState(ctx, other, event.StateJoinRules, "", &rule)
	}
	switch {
	case err != nil && mayPass(err):
		return nil, err
	case err != nil, !found, own.Membership != event.MembershipJoin:
		return nil, nil
	}
	return &rule, nil
}
