// Package conversation links a Matrix room with a Wazo room of a stage and lets
// people talk in them, one message at a time. It says of each message what
// arrived on the other side, and what clients of both sides show. The demo and
// the picture in README.md are made of it.
package conversation

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
	// CommandPrefix begins the commands to the bot.
	CommandPrefix = "!wazo"
	// patience is how long a turn may take. A message counts as lost earlier, see
	// the package stage.
	patience = time.Minute
)

// Conversation is a portal in which Robin and the people on Wazo talk. One message
// is under way at a time, so what arrives next on the other side is that message.
type Conversation struct {
	Stage  *stage.Stage
	Portal stage.Portal

	show func(Delivery)
	turn sync.Mutex // held while a message is under way

	mu    sync.Mutex
	shown map[string]bool // ids of events and messages that are not shown again
}

// Delivery is a message that has arrived on the other side.
type Delivery struct {
	Matrix harness.Entry    // as Robin's client has it
	Wazo   wazotest.Message // as Wazo stores it
	ToWazo bool             // whether Robin sent it
	Took   time.Duration    // from the call that sent it until it was there
}

// Open creates both rooms and links them. It calls show for each later message, in
// the order of the conversation and never twice at once.
func Open(ctx context.Context, stage *stage.Stage, options harness.RoomOptions, show func(Delivery)) (*Conversation, error) {
	cast := stage.Cast
	room := stage.Wazo.CreateRoom(options.Name, cast.Alice, cast.Bob, cast.Chloe, cast.Relay)
	portal, err := stage.LinkByName(ctx, stage.Robin, options, room)
	if err != nil {
		return nil, err
	}
	c := &Conversation{Stage: stage, Portal: portal, show: show, shown: make(map[string]bool)}
	c.skipPast()
	return c, nil
}

// skipPast marks everything that was sent while the rooms were linked as shown.
func (c *Conversation) skipPast() {
	for _, entry := range c.Stage.Robin.Timeline(c.Portal.Matrix) {
		c.MarkShown(entry.ID.String())
	}
	for _, message := range c.Stage.Wazo.Messages(c.Portal.Wazo) {
		c.MarkShown(message.UUID)
	}
}

// OnMatrix has Robin send something and shows it when it is on Wazo. It returns an
// error if send fails or if the message does not arrive in time.
func (c *Conversation) OnMatrix(ctx context.Context, send func(context.Context) (id.EventID, error)) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var sent id.EventID
	message, took, err := c.Stage.ToWazo(ctx, c.Portal, c.newOnWazo, func(ctx context.Context) (err error) {
		sent, err = send(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("the message did not arrive on Wazo: %w", err)
	}
	own, err := c.Stage.Robin.WaitEvent(ctx, c.Portal.Matrix, harness.HasID(sent))
	if err != nil {
		return err
	}
	c.deliver(Delivery{Matrix: own, Wazo: message, ToWazo: true, Took: took})
	return nil
}

// OnWazo has author post something and shows it when Robin has seen it. It returns
// an error if the message does not arrive in time.
func (c *Conversation) OnWazo(ctx context.Context, author wazotest.User, text string) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	entry, took, err := c.Stage.ToMatrix(ctx, c.Portal, c.newOnMatrix, author, text)
	if err != nil {
		return fmt.Errorf("the message did not arrive on Matrix: %w", err)
	}
	message, err := c.Stage.Wazo.WaitMessage(ctx, c.Portal.Wazo, func(message wazotest.Message) bool {
		return message.UserUUID == author.UUID && message.Content == text && !c.WasShown(message.UUID)
	})
	if err != nil {
		return fmt.Errorf("the message is not on Wazo: %w", err)
	}
	c.deliver(Delivery{Matrix: entry, Wazo: message, Took: took})
	return nil
}

func (c *Conversation) deliver(d Delivery) {
	c.MarkShown(d.Matrix.ID.String())
	c.MarkShown(d.Wazo.UUID)
	c.show(d)
}

func (c *Conversation) newOnWazo(message wazotest.Message) bool {
	return c.Stage.FromRelay(message) && message.Alias != nil && !c.WasShown(message.UUID)
}

func (c *Conversation) newOnMatrix(evt *event.Event) bool {
	return c.Stage.FromWazo()(evt) && !c.WasShown(evt.ID.String())
}

// ShowForeign shows an event of Robin that another client has sent. Its time counts
// from the call. If the event is already shown, ShowForeign does nothing.
func (c *Conversation) ShowForeign(ctx context.Context, sent id.EventID) error {
	c.turn.Lock()
	// It may be the one that was just being sent here.
	mine := c.WasShown(sent.String())
	c.turn.Unlock()
	if mine {
		return nil
	}
	err := c.OnMatrix(ctx, func(context.Context) (id.EventID, error) { return sent, nil })
	if err != nil {
		c.MarkShown(sent.String())
	}
	return err
}

// MarkShown notes that an event or a message, given by its id, was shown.
func (c *Conversation) MarkShown(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown[key] = true
}

// WasShown says whether an event or a message, given by its id, was shown or is
// older than the conversation.
func (c *Conversation) WasShown(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown[key]
}

// WazoAuthor is the name above a message in Wazo's clients: its alias, if it has
// one.
func (c *Conversation) WazoAuthor(message wazotest.Message) string {
	if message.Alias != nil && *message.Alias != "" {
		return *message.Alias
	}
	for _, user := range []wazotest.User{c.Stage.Cast.Alice, c.Stage.Cast.Bob, c.Stage.Cast.Chloe, c.Stage.Cast.Relay} {
		if user.UUID == message.UserUUID {
			return strings.TrimSpace(user.Firstname + " " + user.Lastname)
		}
	}
	return "?"
}

// OnMatrixClient is what a client that knows per-message profiles shows of an
// event: the name of the person, "" if the event has no profile of its own, and
// the content without the fallback for other clients.
func OnMatrixClient(evt *event.Event) (who string, content event.MessageEventContent) {
	content = *evt.Content.AsMessage()
	if profile := content.BeeperPerMessageProfile; profile != nil {
		who = profile.Displayname
		// Removing the fallback changes the profile, which belongs to the event.
		own := *profile
		content.BeeperPerMessageProfile = &own
		content.RemovePerMessageProfileFallback()
	}
	return who, content
}
