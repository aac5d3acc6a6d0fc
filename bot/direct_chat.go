package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// makingTime is how long the making of a room outlives a stop of the bot.
const makingTime = 5 * time.Second

// directChats finds and makes the rooms in which the bot speaks to one person.
type directChats struct {
	*homeserver
	db     *db.Database
	rooms  *encryptedRooms
	making sync.Mutex // held while a direct chat is being made
}

// get returns the bot's direct chat with a person, and their membership in it, as membership does. It makes the chat if
// there is none. With invited, they were invited to hear what is to be said now: if they have declined, get returns the
// chat that they declined, so that they are not invited to another one.
func (c *directChats) get(ctx context.Context, user id.UserID, invited bool) (room id.RoomID, membership event.Membership, err error) {
	if room, err = c.db.DirectChat.Get(ctx, user); err != nil {
		return "", "", err
	}
	if room != "" {
		if membership, err = c.membership(ctx, room, user); err != nil {
			return "", "", err
		}
		switch membership {
		case event.MembershipJoin, event.MembershipInvite:
			return room, membership, nil
		case event.MembershipLeave, event.MembershipBan:
			if invited {
				return room, membership, nil
			}
		}
	}
	if room, err = c.make(ctx, user); err != nil {
		return "", "", err
	}
	membership, err = c.membership(ctx, room, user)
	return room, membership, err
}

// make makes a direct chat with a person, invites them, and stores that it is theirs.
func (c *directChats) make(ctx context.Context, user id.UserID) (room id.RoomID, err error) {
	c.making.Lock()
	defer c.making.Unlock()
	request := &mautrix.ReqCreateRoom{
		Preset: "trusted_private_chat", IsDirect: true, Invite: []id.UserID{user},
		InitialState: []*event.Event{{
			Type:    event.StateEncryption,
			Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}},
		}},
	}
	// A room that is forgotten when the bot is stopped would be made again.
	making, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(makingTime, cancel) })()
	err = c.callRooms(ctx, func() error {
		ctx, cancel := c.request(making)
		defer cancel()
		resp, err := c.client.CreateRoom(ctx, request)
		if err == nil {
			room = resp.RoomID
		}
		return translated(err)
	})
	if err != nil {
		return "", fmt.Errorf("failed to make a direct chat: %w", err)
	}
	// /sync tells only later that it is encrypted, and for whom.
	c.rooms.setEncrypted(room)
	c.rooms.setChecked(room)
	return room, c.db.DirectChat.Put(making, user, room)
}

// isOwn reports whether the bot made a room to speak to one person, also if it is just being made.
func (c *directChats) isOwn(ctx context.Context, roomID id.RoomID) (bool, error) {
	c.making.Lock()
	defer c.making.Unlock()
	return c.db.DirectChat.Has(ctx, roomID)
}

// isDirect reports whether the bot is in a room with one person, who may yet have to accept the invite, and nobody
// else.
func (c *directChats) isDirect(ctx context.Context, roomID id.RoomID, user id.UserID) (bool, error) {
	membership, err := c.membership(ctx, roomID, user)
	return membership == event.MembershipJoin || membership == event.MembershipInvite, err
}

// membership returns a person's membership in a room in which nobody is but the bot and they, "" if it is no such room.
// It reads the whole state from the homeserver, which is small in such a room: the state store may know only what was
// before a stop, and Dendrite's list of members comes from where /sync does, some time after the room has changed.
func (c *directChats) membership(ctx context.Context, roomID id.RoomID, user id.UserID) (event.Membership, error) {
	var state []json.RawMessage
	err := c.ask(ctx, func() error {
		ctx, cancel := c.request(ctx)
		defer cancel()
		_, err := c.client.MakeRequest(ctx, http.MethodGet, c.client.BuildClientURL("v3", "rooms", roomID, "state"), nil, &state)
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && (failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound) {
		return "", nil // the bot is not in it
	} else if err != nil {
		return "", fmt.Errorf("failed to read who is in a direct chat: %w", err)
	}
	return c.membershipAlone(state, roomID, user), nil
}

// membershipAlone finds a person's membership in the state of a room, "" if the bot is not in the room or anybody else
// is.
func (c *directChats) membershipAlone(state []json.RawMessage, roomID id.RoomID, user id.UserID) (person event.Membership) {
	bot := event.MembershipLeave
	for _, raw := range state {
		member, err := parseEvent(raw, roomID)
		if err != nil {
			return "" // nobody knows who that is
		} else if member.Type.Type != event.StateMember.Type {
			continue
		}
		text, _ := member.Content.Raw["membership"].(string)
		membership := event.Membership(text)
		switch id.UserID(member.GetStateKey()) {
		case c.userID:
			bot = membership
		case user:
			person = membership
		default:
			if membership == event.MembershipJoin || membership == event.MembershipInvite {
				return ""
			}
		}
	}
	if bot != event.MembershipJoin {
		return "" // some homeservers tell what was there when the bot left
	}
	return person
}
