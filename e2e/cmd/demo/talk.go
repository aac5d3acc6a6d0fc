package main

import (
	"context"
	"fmt"
	"time"

	"wazo-matrix-relay/e2e/conversation"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
)

const (
	roomName  = "Support" // of the room and of the chat
	robinName = "Robin"
)

// talk is a conversation that is shown on a screen.
type talk struct {
	*conversation.Conversation
	screen *screen
}

// openTalk creates both rooms and links them, showing how.
func openTalk(ctx context.Context, stage *stage.Stage, screen *screen, encrypted bool) (*talk, error) {
	if err := stage.Robin.Matrix().SetDisplayName(ctx, robinName); err != nil {
		return nil, fmt.Errorf("failed to name Robin: %w", err)
	}
	screen.note(fmt.Sprintf("Robin creates a Matrix room, invites %s and types: %s link %s", stage.BotID(), conversation.CommandPrefix, roomName))
	start := time.Now()
	t := &talk{screen: screen}
	var err error
	t.Conversation, err = conversation.Open(ctx, stage, harness.RoomOptions{Name: roomName, Encrypted: encrypted}, t.show)
	if err != nil {
		return nil, err
	}
	screen.note(fmt.Sprintf("Linked after %s. The first message takes about a second longer than the others: the relay first reads "+
		"the history of a newly linked chat, twice.", time.Since(start).Round(time.Millisecond)))
	return t, nil
}

func (t *talk) show(d conversation.Delivery) {
	t.screen.deliver(delivery{
		matrix: t.matrixLine(d.Matrix.Event), wazo: t.wazoLine(d.Wazo), toWazo: d.ToWazo, took: d.Took,
	})
}

// wazoLine is a message as Wazo's clients show it.
func (t *talk) wazoLine(message wazotest.Message) line {
	return line{who: withoutMarks(t.WazoAuthor(message)), text: shownOnWazo(message.Content)}
}

// matrixLine is an event as a client with per-message profiles shows it.
func (t *talk) matrixLine(evt *event.Event) line {
	who, content := conversation.OnMatrixClient(evt)
	switch {
	case who != "":
	case evt.Sender == t.Stage.Robin.UserID():
		who = robinName
	case evt.Sender == t.Stage.BotID():
		who = words.BotName
	default:
		who = evt.Sender.Localpart()
	}
	return line{who: withoutMarks(who), text: shownOnMatrix(&content), emote: content.MsgType == event.MsgEmote}
}
