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

// sayInPerson says a notice in the direct chat with the person whom it is for. It reports true if the notice waits until they
// have accepted the invite. A person who has not answered after half of the time that there is finds the notice when they come.
func (b *Bot) sayInPerson(ctx context.Context, notice *db.Notice) (waits bool, err error) {
	b.awaited.Add(notice.User) // before it is asked whether they are there: they may come in between
	defer func() {
		if !waits {
			b.awaited.Remove(notice.User)
		}
	}()
	for range chatTries {
		room, err := b.directChat(ctx, notice.User)
		if err != nil {
			return false, err
		}
		membership, err := b.inChat(ctx, room, notice.User)
		if err != nil {
			return false, err
		}
		switch membership {
		case event.MembershipInvite:
			if left := patience/2 - time.Since(notice.CreatedAt.Time); left > 0 {
				b.tasks.WakeAfter(left, work{kind: workNotices, user: notice.User})
				return true, nil // until then, or until memberChanged
			}
		case event.MembershipJoin:
			if !b.client.StateStore.IsInRoom(ctx, room, notice.User) {
				b.newcomers.arrived(room, time.Now()) // /sync tells it only later
			}
		case "":
			b.log.Info().Stringer("room_id", room).Stringer("user_id", notice.User).Msg("A direct chat is none any more")
			continue
		default:
			b.log.Info().Stringer("room_id", room).Stringer("user_id", notice.User).Msg("The invite to a direct chat was declined, so a notice is dropped")
			return false, nil
		}
		return false, b.say(ctx, room, notice)
	}
	return false, nil
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
	err = b.call(ctx, func() error {
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
	err = b.call(ctx, func() error {
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
