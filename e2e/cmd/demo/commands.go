package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"wazo-matrix-relay/e2e/conversation"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
)

// answerTimeout is how long the answer to a command is waited for. Some commands have none.
const answerTimeout = 10 * time.Second

// errNoAnswer is returned if a command is not answered in time.
var errNoAnswer = errors.New("there is no answer to this command")

// isCommand reports whether a text is a command, which does not appear on the other side.
func isCommand(text string) bool {
	_, ok := command.Parse(text, conversation.CommandPrefix, words.BotName)
	return ok
}

// commands shows commands and what the relay says by itself, on either side.
type commands struct {
	*talk
	spoke    harness.Changes // the relay has said something by itself
	answers  atomic.Int64    // how often it has
	unlinked atomic.Bool     // the link was ended, so that nothing is relayed
}

// onMatrix sends something to which the relay may answer, and shows it.
func (c *commands) onMatrix(ctx context.Context, text string) error {
	said := c.answers.Load()
	sent, err := c.Stage.Robin.SendMarkdown(ctx, c.Portal.Matrix, text)
	if err != nil {
		return err
	}
	entry, err := c.Stage.Robin.WaitEvent(ctx, c.Portal.Matrix, harness.HasID(sent))
	if err != nil {
		return err
	}
	c.MarkShown(sent.String())
	c.screen.aside(c.matrixLine(entry.Event), false)
	return c.awaitAnswer(ctx, said, text)
}

// onWazo posts something to which the relay may answer, and shows it.
func (c *commands) onWazo(ctx context.Context, author wazotest.User, text string) error {
	said := c.answers.Load()
	message := c.Stage.Wazo.Post(c.Portal.Wazo, author, text, "")
	c.screen.aside(c.wazoLine(message), true)
	return c.awaitAnswer(ctx, said, text)
}

// awaitAnswer waits until the relay says something after a command.
func (c *commands) awaitAnswer(ctx context.Context, said int64, text string) error {
	if !isCommand(text) {
		return nil // nothing is relayed: the rooms are not linked
	}
	waiting, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := c.spoke.Until(waiting, func() (bool, error) { return c.answers.Load() > said, nil })
	if err != nil && ctx.Err() == nil {
		return errNoAnswer
	}
	return err
}

// followNotices shows what the bot says by itself on Matrix, until ctx ends.
func (c *commands) followNotices(ctx context.Context) {
	notice := harness.All(harness.From(c.Stage.BotID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && evt.Content.AsMessage().MsgType == event.MsgNotice && !c.WasShown(evt.ID.String())
	})
	for {
		entry, err := c.Stage.Robin.WaitEvent(ctx, c.Portal.Matrix, notice)
		if err != nil {
			return
		}
		c.MarkShown(entry.ID.String())
		c.screen.aside(c.matrixLine(entry.Event), false)
		c.noteLink(entry.Content.AsMessage().Body)
	}
}

// noteLink notes that the relay has said something, which may be that the rooms are linked or not.
func (c *commands) noteLink(said string) {
	switch {
	case strings.HasPrefix(said, "Linked with"):
		c.unlinked.Store(false)
	case strings.HasPrefix(said, "Unlinked from"), strings.Contains(said, "unlinked this room"):
		c.unlinked.Store(true)
	}
	c.answers.Add(1)
	c.spoke.Announce()
}

// followWords shows what the relay says by itself on Wazo, until ctx ends.
func (c *commands) followWords(ctx context.Context) {
	for {
		message, err := c.Stage.Wazo.WaitMessage(ctx, c.Portal.Wazo, func(message wazotest.Message) bool {
			return c.Stage.FromRelay(message) && message.Alias == nil && !c.WasShown(message.UUID)
		})
		if err != nil {
			return
		}
		c.MarkShown(message.UUID)
		c.screen.aside(c.wazoLine(message), true)
		c.noteLink("")
	}
}
