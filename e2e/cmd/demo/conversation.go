package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const (
	commandPrefix = "!wazo"
	// patience is how long a turn may take. A message counts as lost earlier, see
	// the package stage.
	patience = time.Minute
)

// conversation is the portal in which the demo plays. One message is under way
// at a time, so what arrives next on the other side is that message.
type conversation struct {
	stage  *stage.Stage
	portal stage.Portal
	screen *screen

	turn sync.Mutex // held while a message is under way

	mu    sync.Mutex
	shown map[string]bool // ids of events and messages that are not shown again
}

// openConversation creates both rooms and links them, showing how.
func openConversation(ctx context.Context, stage *stage.Stage, screen *screen, encrypted bool) (*conversation, error) {
	cast := stage.Cast
	room := stage.Wazo.CreateRoom("Support", cast.Alice, cast.Bob, cast.Chloe, cast.Relay)
	screen.note(fmt.Sprintf("Robin creates a Matrix room, invites %s and types: %s link %s", stage.BotID(), commandPrefix, room.UUID))
	start := time.Now()
	portal, err := stage.Link(ctx, stage.Robin, harness.RoomOptions{Name: "Support", Encrypted: encrypted}, room.UUID)
	if err != nil {
		return nil, err
	}
	screen.note(fmt.Sprintf("Linked after %s.", time.Since(start).Round(time.Millisecond)))
	c := &conversation{stage: stage, portal: portal, screen: screen, shown: make(map[string]bool)}
	c.skipPast()
	return c, nil
}

// skipPast marks everything that was sent while the rooms were linked as shown.
func (c *conversation) skipPast() {
	for _, entry := range c.stage.Robin.Timeline(c.portal.Matrix) {
		c.markShown(entry.ID.String())
	}
	for _, message := range c.stage.Wazo.Messages(c.portal.Wazo) {
		c.markShown(message.UUID)
	}
}

// onMatrix has Robin send something and shows it when it is on Wazo.
func (c *conversation) onMatrix(ctx context.Context, send func(context.Context) (id.EventID, error)) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var sent id.EventID
	message, took, err := c.stage.ToWazo(ctx, c.portal, c.newOnWazo, func(ctx context.Context) (err error) {
		sent, err = send(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("the message did not arrive on Wazo: %w", err)
	}
	own, err := c.stage.Robin.WaitEvent(ctx, c.portal.Matrix, harness.HasID(sent))
	if err != nil {
		return err
	}
	c.show(own, message, delivery{toWazo: true, took: took})
	return nil
}

// onWazo has author post something and shows it when Robin has seen it.
func (c *conversation) onWazo(ctx context.Context, author wazotest.User, text string) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	entry, took, err := c.stage.ToMatrix(ctx, c.portal, c.newOnMatrix, author, text)
	if err != nil {
		return fmt.Errorf("the message did not arrive on Matrix: %w", err)
	}
	c.show(entry, wazotest.Message{UserUUID: author.UUID, Content: text}, delivery{took: took})
	return nil
}

func (c *conversation) show(entry harness.Entry, message wazotest.Message, d delivery) {
	c.markShown(entry.ID.String())
	c.markShown(message.UUID)
	d.matrix, d.wazo = matrixLine(entry.Event), c.wazoLine(message)
	c.screen.deliver(d)
}

func (c *conversation) newOnWazo(message wazotest.Message) bool {
	return c.stage.FromRelay(message) && !c.wasShown(message.UUID)
}

func (c *conversation) newOnMatrix(evt *event.Event) bool {
	return c.stage.FromWazo()(evt) && !c.wasShown(evt.ID.String())
}

func (c *conversation) markShown(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown[key] = true
}

func (c *conversation) wasShown(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown[key]
}

// wazoLine is a message as Wazo's clients show it: under its alias if it has one.
func (c *conversation) wazoLine(message wazotest.Message) line {
	if message.Alias != nil && *message.Alias != "" {
		return line{who: *message.Alias, text: message.Content}
	}
	who := "?"
	for _, user := range []wazotest.User{c.stage.Cast.Alice, c.stage.Cast.Bob, c.stage.Cast.Chloe, c.stage.Cast.Relay} {
		if user.UUID == message.UserUUID {
			who = strings.TrimSpace(user.Firstname + " " + user.Lastname)
		}
	}
	return line{who: who, text: message.Content}
}

// matrixLine is an event as a client with per-message profiles shows it.
func matrixLine(evt *event.Event) line {
	content := *evt.Content.AsMessage()
	who := evt.Sender.Localpart()
	if profile := content.BeeperPerMessageProfile; profile != nil {
		who = profile.Displayname
		content.RemovePerMessageProfileFallback()
	}
	return line{who: who, text: content.Body, emote: content.MsgType == event.MsgEmote}
}
