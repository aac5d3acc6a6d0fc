package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/bench"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// rooms are the rooms in which one kind of room is measured: a portal, and a room
// of the same size in which a plain client takes the place of the bot.
type rooms struct {
	name   string
	stage  *stage.Stage
	portal stage.Portal
	bare   id.RoomID
	plain  *harness.Client
	// relayed is the content of the newest relayed event, which the plain
	// client sends again: same profile, same keys, same size.
	relayed     map[string]any
	relayedText string
}

type direction struct {
	name        string
	relay, bare bench.Probe
}

func openRooms(ctx context.Context, stage *stage.Stage, kind harness.Encryption) (*rooms, error) {
	r := &rooms{name: "plain", stage: stage}
	if kind == harness.Encrypted {
		r.name = "encrypted"
	}
	wazoRoom := stage.Wazo.CreateRoom("Bench "+r.name, stage.Cast.Alice, peer(stage, kind), stage.Cast.Relay)
	var err error
	if r.portal, err = stage.Link(ctx, stage.Robin, harness.RoomOptions{Encrypted: bool(kind)}, wazoRoom.UUID); err != nil {
		return nil, err
	}
	if r.plain, err = stage.Person(ctx, "bare-"+r.name, kind); err != nil {
		return nil, err
	}
	return r, r.openBare(ctx, bool(kind))
}

// peer is another one for each kind of room: on Wazo a room is its set of
// participants (docs/wazo.md, "Properties that shape the relay").
func peer(stage *stage.Stage, kind harness.Encryption) wazotest.User {
	if kind == harness.Encrypted {
		return stage.Cast.Chloe
	}
	return stage.Cast.Bob
}

func (r *rooms) openBare(ctx context.Context, encrypted bool) (err error) {
	r.bare, err = r.stage.Robin.CreateRoom(ctx, harness.RoomOptions{
		Encrypted: encrypted, Invite: []id.UserID{r.plain.UserID()},
	})
	if err != nil {
		return err
	}
	if err = r.plain.Join(ctx, r.bare); err != nil {
		return err
	}
	_, err = r.stage.Robin.WaitEvent(ctx, r.bare, harness.Membership(r.plain.UserID(), event.MembershipJoin))
	return err
}

func (r *rooms) directions() []direction {
	return []direction{
		{name: "wazo-to-matrix", relay: r.wazoToMatrix, bare: r.plainToMatrix},
		{name: "matrix-to-wazo", relay: r.matrixToWazo, bare: r.matrixToPlain},
	}
}

// wazoToMatrix measures the time from Alice's post on Wazo to Robin's /sync.
func (r *rooms) wazoToMatrix(ctx context.Context, text string) (time.Duration, error) {
	arrived := harness.All(r.stage.FromWazo(), harness.Says(text))
	entry, took, err := r.stage.ToMatrix(ctx, r.portal, arrived, r.stage.Cast.Alice, text)
	if err != nil {
		return 0, err
	}
	r.relayed, r.relayedText = entry.Content.Raw, text
	return took, nil
}

// plainToMatrix measures the time from the plain client's send to Robin's /sync.
func (r *rooms) plainToMatrix(ctx context.Context, text string) (time.Duration, error) {
	content, err := r.likeRelayed(text)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err = r.plain.SendContent(ctx, r.bare, event.EventMessage, content); err != nil {
		return 0, err
	}
	entry, err := r.stage.Robin.WaitEvent(ctx, r.bare, harness.Says(text))
	return entry.Seen.Sub(start), err
}

// likeRelayed returns the content of the newest relayed event with another text.
func (r *rooms) likeRelayed(text string) (map[string]any, error) {
	if r.relayed == nil {
		return nil, fmt.Errorf("nothing was relayed yet that could be sent again")
	}
	raw, err := json.Marshal(r.relayed)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	return content, json.Unmarshal([]byte(strings.ReplaceAll(string(raw), r.relayedText, text)), &content)
}

// matrixToWazo measures the time from Robin's send until Wazo has stored the message.
func (r *rooms) matrixToWazo(ctx context.Context, text string) (time.Duration, error) {
	arrived := func(message wazotest.Message) bool {
		return r.stage.FromRelay(message) && strings.Contains(message.Content, text)
	}
	_, took, err := r.stage.ToWazo(ctx, r.portal, arrived, func(ctx context.Context) error {
		_, err := r.stage.Robin.Send(ctx, r.portal.Matrix, text)
		return err
	})
	return took, err
}

// matrixToPlain measures the time from Robin's send to the plain client's /sync.
func (r *rooms) matrixToPlain(ctx context.Context, text string) (time.Duration, error) {
	start := time.Now()
	if _, err := r.stage.Robin.Send(ctx, r.bare, text); err != nil {
		return 0, err
	}
	entry, err := r.plain.WaitEvent(ctx, r.bare, harness.Says(text))
	return entry.Seen.Sub(start), err
}
