package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

// roomInfo asks the homeserver who may do what in a room. room_access.go has who can read it.
type roomInfo struct {
	*homeserver
	namedRooms
	texts words.Texts
}

// MemberName implements relay.Matrix.
func (b *Bot) MemberName(ctx context.Context, roomID id.RoomID, user id.UserID) string {
	member, err := b.client.StateStore.TryGetMember(ctx, roomID, user)
	if err != nil {
		b.log.Err(err).Stringer("room_id", roomID).Msg("Failed to look up a member")
	}
	if member == nil {
		return ""
	}
	return member.Displayname
}

// Members implements relay.Matrix.
func (b *Bot) Members(ctx context.Context, roomID id.RoomID) (map[id.UserID]relay.Member, error) {
	stored, err := b.client.StateStore.GetAllMembers(ctx, roomID)
	if err != nil {
		return nil, fmt.Errorf("failed to read the members of a room: %w", err)
	}
	members := make(map[id.UserID]relay.Member, len(stored))
	for user, member := range stored {
		if isPresent(member.Membership) {
			members[user] = relay.Member{Name: member.Displayname, Joined: member.Membership == event.MembershipJoin}
		}
	}
	return members, nil
}

// RoomName implements relay.Matrix.
func (b *Bot) RoomName(ctx context.Context, roomID id.RoomID) string {
	var name event.RoomNameEventContent
	if err := b.state(ctx, roomID, event.StateRoomName, "", &name); err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to read a room's name")
	}
	return name.Name
}

// RoomTopic implements relay.Rooms.
func (b *Bot) RoomTopic(ctx context.Context, roomID id.RoomID) (string, error) {
	var topic event.TopicEventContent
	err := b.state(ctx, roomID, event.StateTopic, "", &topic)
	return topic.Topic, err
}

// powerLevels reads a room's power levels from the homeserver, and who made the room: in some rooms they have power
// that the power levels do not show.
func (r *roomInfo) powerLevels(ctx context.Context, roomID id.RoomID) (*event.PowerLevelsEventContent, error) {
	var raw json.RawMessage
	found, err := r.findState(ctx, roomID, event.StatePowerLevels, "", &raw)
	if err != nil {
		return nil, err
	}
	var create *event.Event
	err = r.ask(ctx, func() (err error) {
		ctx, cancel := r.request(ctx)
		defer cancel()
		create, err = r.client.FullStateEvent(ctx, roomID, event.StateCreate, "")
		return translated(err)
	})
	if err != nil {
		return nil, fmt.Errorf("failed to read who made the room: %w", err)
	}
	levels := levelsWithoutEvent(create)
	if found {
		if levels, err = parsePowerLevels(raw); err != nil {
			return nil, err
		}
	}
	levels.CreateEvent = create // since room version 12 mautrix puts the creators above all levels
	return levels, nil
}

// levelsWithoutEvent returns the levels of a room without m.room.power_levels: everybody may do everything but what
// takes a level of its own, and who made the room has level 100 (client-server API, "m.room.power_levels"). Since
// version 12 the creators need no level.
func levelsWithoutEvent(create *event.Event) *event.PowerLevelsEventContent {
	levels := &event.PowerLevelsEventContent{StateDefaultPtr: new(int)}
	content := create.Content.AsCreate()
	switch {
	case content.SupportsCreatorPower():
	case content.RoomVersion.CreatorInContent():
		creator, _ := create.Content.Raw["creator"].(string)
		levels.Users = map[id.UserID]int{id.UserID(creator): creatorPower}
	default: // version 11: who sent the event
		levels.Users = map[id.UserID]int{create.Sender: creatorPower}
	}
	return levels
}

// maySpeak reports whether somebody may send messages in a room with these levels.
func maySpeak(levels *event.PowerLevelsEventContent, user id.UserID, encrypted bool) bool {
	evtType := event.EventMessage
	if encrypted {
		evtType = event.EventEncrypted
	}
	return levels.GetUserLevel(user) >= levels.GetEventLevel(evtType)
}

// creatorPower is the power level of who made a room without m.room.power_levels.
const creatorPower = 100

// parsePowerLevels parses the content of m.room.power_levels. Before room version 10 levels may be texts (room version
// 9, "m.room.power_levels events accept values as strings"), which mautrix does not parse.
func parsePowerLevels(raw json.RawMessage) (*event.PowerLevelsEventContent, error) {
	var content map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	err := decoder.Decode(&content)
	levels := &event.PowerLevelsEventContent{}
	if err == nil {
		textsToNumbers(content)
		raw, _ = json.Marshal(content) // it was just parsed
		err = json.Unmarshal(raw, levels)
	}
	if err != nil {
		return nil, fmt.Errorf("failed to parse the power levels of the room: %w", err)
	}
	return levels, nil
}

// textsToNumbers replaces the texts in a JSON object that are decimal numbers.
func textsToNumbers(object map[string]any) {
	for key, value := range object {
		switch value := value.(type) {
		case map[string]any:
			textsToNumbers(value)
		case string:
			if level, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				object[key] = level
			}
		}
	}
}
