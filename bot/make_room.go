package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/wazoapi"
)

// powerToInvite is the power level that it takes to invite people to the room of a conversation: only the bot has it,
// because Wazo decides who reads a conversation.
const powerToInvite = 100

// MakeRoom implements relay.Rooms. The room is made without invitations: one that the homeserver limits would make the
// whole request fail.
func (b *Bot) MakeRoom(ctx context.Context, plan relay.RoomPlan) (room id.RoomID, err error) {
	// A stop in the middle would leave a room of which nobody knows until /sync brings it.
	making, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(makingTime, cancel) })()
	request := b.roomRequest(plan)
	begun := false
	err = b.callRooms(ctx, func() error {
		begun = true
		ctx, cancel := b.request(making)
		defer cancel()
		resp, err := b.client.CreateRoom(ctx, request)
		if err == nil && resp.RoomID == "" {
			err = errors.New("the homeserver's answer names no room")
		}
		if err == nil {
			room = resp.RoomID
		}
		return translated(err)
	})
	if err != nil {
		failure := toMatrixError(err)
		failure.NotSent = failure.NotSent || !begun
		return "", failure
	}
	if plan.Encrypted { // /sync tells that only later
		b.encryptedRooms.setEncrypted(room)
	}
	return room, nil
}

// roomRequest is the request by which the room of a conversation is made.
func (b *Bot) roomRequest(plan relay.RoomPlan) *mautrix.ReqCreateRoom {
	bridge := &event.BridgeEventContent{
		BridgeBot: b.userID, Protocol: event.BridgeInfoSection{ID: "wazo", DisplayName: "Wazo"},
		Channel: event.BridgeInfoSection{ID: string(plan.Marker.WazoRoom), DisplayName: plan.Name},
	}
	bridgeKey := bridgeStateKey(plan.Marker.WazoRoom)
	state := func(evtType event.Type, key string, content any) *event.Event {
		return &event.Event{Type: evtType, StateKey: &key, Content: event.Content{Parsed: content}}
	}
	initial := []*event.Event{
		state(relay.MarkerType, string(plan.Marker.WazoRoom), plan.Marker),
		state(event.StateHistoryVisibility, "", &event.HistoryVisibilityEventContent{HistoryVisibility: event.HistoryVisibilityInvited}),
		state(event.StateGuestAccess, "", &event.GuestAccessEventContent{GuestAccess: event.GuestAccessForbidden}),
		state(event.StateJoinRules, "", &event.JoinRulesEventContent{JoinRule: event.JoinRuleInvite}),
		state(event.StateBridge, bridgeKey, bridge), state(event.StateHalfShotBridge, bridgeKey, bridge),
	}
	if plan.Encrypted {
		initial = append(initial, state(event.StateEncryption, "", &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}))
	}
	invite := powerToInvite
	return &mautrix.ReqCreateRoom{
		Preset: "private_chat", Name: plan.Name, Topic: plan.Topic, IsDirect: plan.Marker.Direct, InitialState: initial,
		// It must not name users: since room version 12 the creator has more power than any level, and may not be among
		// them.
		PowerLevelOverride: &event.PowerLevelsEventContent{InvitePtr: &invite},
	}
}

// bridgeStateKey is the state key of m.bridge (MSC2346, "State key").
func bridgeStateKey(room wazoapi.UUID) string { return "io.wazo.relay://wazo/" + string(room) }

// Invite implements relay.Rooms. That a room is a direct chat is said in the invitation, so that the app of the person
// lists it among the direct chats. /invite cannot say it.
func (b *Bot) Invite(ctx context.Context, room id.RoomID, user id.UserID, direct bool) error {
	if direct {
		err := b.callRooms(ctx, func() error {
			ctx, cancel := b.request(ctx)
			defer cancel()
			_, err := b.client.SendStateEvent(ctx, room, event.StateMember, user.String(), &event.MemberEventContent{Membership: event.MembershipInvite, IsDirect: true})
			return translated(err)
		})
		if err == nil || ctx.Err() != nil {
			return err
		}
		// Not every homeserver delivers such an invitation to others.
	}
	return b.callRooms(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.InviteUser(ctx, room, &mautrix.ReqInviteUser{UserID: user})
		return translated(err)
	})
}

// Remove implements relay.Rooms.
func (b *Bot) Remove(ctx context.Context, room id.RoomID, user id.UserID, reason string) error {
	return b.call(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.KickUser(ctx, room, &mautrix.ReqKickUser{UserID: user, Reason: reason})
		return translated(err)
	})
}

// SetRoomName implements relay.Rooms.
func (b *Bot) SetRoomName(ctx context.Context, room id.RoomID, name string) error {
	return b.call(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.SendStateEvent(ctx, room, event.StateRoomName, "", &event.RoomNameEventContent{Name: name})
		return translated(err)
	})
}

// SetRoomTopic implements relay.Rooms.
func (b *Bot) SetRoomTopic(ctx context.Context, room id.RoomID, topic string) error {
	return b.call(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.SendStateEvent(ctx, room, event.StateTopic, "", &event.TopicEventContent{Topic: topic})
		return translated(err)
	})
}

// leaveMade leaves a room that the bot has made for a conversation that is over.
func (i *inbox) leaveMade(ctx context.Context, room id.RoomID) error {
	err := i.call(ctx, func() error {
		_, err := i.client.LeaveRoom(ctx, room, &mautrix.ReqLeave{Reason: i.texts.ConversationOver()})
		return translated(err)
	})
	var failure *relay.MatrixError
	if errors.As(err, &failure) && (failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound) && !mayPass(err) {
		return nil // the bot is not in there
	} else if err != nil {
		return fmt.Errorf("failed to leave a room: %w", err)
	}
	return nil
}

// isMadeByBot reports whether the bot has made a room: nobody there waits to be greeted.
func (h *homeserver) isMadeByBot(ctx context.Context, room id.RoomID) (made bool, err error) {
	err = h.ask(ctx, func() error {
		ctx, cancel := h.request(ctx)
		defer cancel()
		create, err := h.client.FullStateEvent(ctx, room, event.StateCreate, "")
		made = err == nil && create.Sender == h.userID
		return translated(err)
	})
	if err != nil && !mayPass(err) {
		return false, nil
	}
	return made, err
}
