package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

const (
	// chatTries is how often another direct chat is looked for when the one that was found can't be used.
	chatTries = 3
	// makingTime is how long the making of a room outlives a stop of the bot.
	makingTime = 5 * time.Second
)

// sayInPerson says a notice in the direct chat with the person whom it is for, when they are there, and removes it.
func (b *Bot) sayInPerson(ctx context.Context, notice *db.Notice) {
	for range chatTries {
		var room id.RoomID
		b.try(ctx, "make a direct chat", "", notice.CreatedAt, func(ctx context.Context) (err error) {
			room, err = b.directChat(ctx, notice.User)
			return err
		})
		if room == "" {
			break
		} else if !b.awaitArrival(ctx, room, notice) {
			b.log.Info().Stringer("room_id", room).Stringer("user_id", notice.User).Msg("The invite to a direct chat was declined, what was to be said there is dropped")
			break
		}
		direct := true
		b.try(ctx, "say a notice in a direct chat", room, notice.CreatedAt, func(ctx context.Context) (err error) {
			// They may have brought somebody else since.
			if direct, err = b.isDirect(ctx, room, notice.User); err != nil || !direct {
				return err
			}
			return b.say(ctx, room, notice)
		})
		if direct {
			break
		}
		b.log.Info().Stringer("room_id", room).Stringer("user_id", notice.User).Msg("A direct chat is none any more")
	}
	b.finish(ctx, "say a notice", func(ctx context.Context) error { return b.db.Notice.Delete(ctx, notice.ID) })
}

// directChat returns the bot's direct chat with a person, making it if there is none. They may yet have to accept the invite.
func (b *Bot) directChat(ctx context.Context, user id.UserID) (id.RoomID, error) {
	known, err := b.db.DirectChat.Get(ctx, user)
	if err != nil {
		return "", err
	}
	if known != "" {
		if direct, err := b.isDirect(ctx, known, user); err != nil || direct {
			return known, err
		}
	}
	return b.makeDirectChat(ctx, user)
}

func (b *Bot) makeDirectChat(ctx context.Context, user id.UserID) (room id.RoomID, err error) {
	b.makingChat.Lock()
	defer b.makingChat.Unlock()
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
	err = b.gate.pass(ctx, func() error {
		ctx, cancel := b.request(making)
		defer cancel()
		resp, err := b.client.CreateRoom(ctx, request)
		if err == nil {
			room = resp.RoomID
		}
		return translated(err)
	})
	if err != nil {
		return "", fmt.Errorf("failed to make a direct chat: %w", err)
	}
	// /sync tells only later that it is encrypted, and for whom.
	b.rooms.setEncrypted(room)
	b.rooms.setChecked(room)
	return room, b.db.DirectChat.Put(making, user, room)
}

// isOwnChat reports whether the bot made a room to speak to one person, also if it is just being made.
func (b *Bot) isOwnChat(ctx context.Context, roomID id.RoomID) (bool, error) {
	b.makingChat.Lock()
	defer b.makingChat.Unlock()
	return b.db.DirectChat.Has(ctx, roomID)
}

// isDirect reports whether the bot is in a room with one person, who may yet have to accept the invite, and nobody else.
func (b *Bot) isDirect(ctx context.Context, roomID id.RoomID, user id.UserID) (bool, error) {
	membership, err := b.inChat(ctx, roomID, user)
	return membership == event.MembershipJoin || membership == event.MembershipInvite, err
}

// inChat returns a person's membership in a room in which nobody is but the bot and they, "" if it is no such room. It reads
// the whole state from the homeserver, which is small in such a room: the state store may know only what was before a stop, and
// Dendrite's list of members comes from where /sync does, some time after the room has changed.
func (b *Bot) inChat(ctx context.Context, roomID id.RoomID, user id.UserID) (person event.Membership, err error) {
	var state []json.RawMessage
	err = b.gate.pass(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.MakeRequest(ctx, http.MethodGet, b.client.BuildClientURL("v3", "rooms", roomID, "state"), nil, &state)
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && (failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound) {
		return "", nil // the bot is not in it
	} else if err != nil {
		return "", fmt.Errorf("failed to read who is in a direct chat: %w", err)
	}
	bot := event.MembershipLeave
	for _, raw := range state {
		member, err := parseEvent(raw, roomID)
		if err != nil {
			return "", nil // nobody knows who that is
		} else if member.Type.Type != event.StateMember.Type {
			continue
		}
		text, _ := member.Content.Raw["membership"].(string)
		membership := event.Membership(text)
		switch id.UserID(member.GetStateKey()) {
		case b.cfg.UserID:
			bot = membership
		case user:
			person = membership
		default:
			if membership == event.MembershipJoin || membership == event.MembershipInvite {
				return "", nil
			}
		}
	}
	if bot != event.MembershipJoin {
		return "", nil // some homeservers tell what was there when the bot left
	}
	return person, nil
}

// awaitArrival waits until the person whom a notice is for has answered the invite to their direct chat. It reports false if
// they declined. Who has not answered after half of the time that there is finds the notice when they come.
func (b *Bot) awaitArrival(ctx context.Context, roomID id.RoomID, notice *db.Notice) bool {
	ctx, cancel := context.WithDeadline(ctx, notice.CreatedAt.Add(patience/2))
	defer cancel()
	for {
		change := b.arrivals.change(roomID)
		var membership event.Membership
		b.try(ctx, "look who is in a direct chat", roomID, notice.CreatedAt, func(ctx context.Context) (err error) {
			membership, err = b.inChat(ctx, roomID, notice.User)
			return err
		})
		switch membership {
		case event.MembershipInvite:
		case event.MembershipJoin:
			if !b.client.StateStore.IsInRoom(ctx, roomID, notice.User) {
				b.arrivals.arrive(roomID, time.Now()) // /sync tells it only later
			}
			return true
		case "": // not known, or no direct chat any more: a closer look follows
			return true
		default:
			return false
		}
		select {
		case <-ctx.Done():
			return true
		case <-change:
		}
	}
}
