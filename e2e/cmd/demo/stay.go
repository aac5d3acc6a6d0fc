package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"wazo-matrix-relay/e2e/harness"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const help = `m TEXT  say it on Matrix as Robin (Markdown works)
w TEXT  say it on Wazo as Alice
Ctrl-C or the end of the input ends everything.`

// stay serves lines typed by hand, and shows what Robin says from another
// client, until the input or ctx ends.
func (c *conversation) stay(ctx context.Context, stdin io.Reader) error {
	robin := c.stage.Robin
	c.screen.note(fmt.Sprintf("Or log in with a Matrix client: homeserver %s, user %s, password %s",
		c.stage.Homeserver.URL(), robin.UserID(), robin.Password()))
	c.screen.note(help)

	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	following.Go(func() { c.followRobin(ctx) })
	lines := readLines(ctx, stdin)
	for {
		select {
		case text, more := <-lines:
			if !more {
				return nil
			}
			c.handle(ctx, text)
		case <-c.stage.Relay.Exited():
			return fmt.Errorf("the relay has ended by itself")
		case <-ctx.Done():
			return nil
		}
	}
}

// handle sends a typed line. If the message is lost, handle shows that and the demo
// goes on.
func (c *conversation) handle(ctx context.Context, typed string) {
	side, text, _ := strings.Cut(strings.TrimSpace(typed), " ")
	var err error
	switch {
	case side == "m" && text != "":
		err = c.matrixMarkdown(ctx, text)()
	case side == "w" && text != "":
		err = c.onWazo(ctx, c.stage.Cast.Alice, text)
	default:
		c.screen.note(help)
	}
	if err != nil && ctx.Err() == nil {
		c.screen.note("error: " + err.Error())
	}
}

// readLines reads in a goroutine of its own, because a read from a terminal cannot be
// cancelled. After the end of ctx that goroutine may wait until the process ends.
func readLines(ctx context.Context, from io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(from); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// followRobin shows what Robin sends from another client.
func (c *conversation) followRobin(ctx context.Context) {
	robin := c.stage.Robin
	fromElsewhere := harness.All(harness.From(robin.UserID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && !c.wasShown(evt.ID.String()) &&
			!strings.HasPrefix(evt.Content.AsMessage().Body, commandPrefix)
	})
	for {
		entry, err := robin.WaitEvent(ctx, c.portal.Matrix, fromElsewhere)
		if err != nil {
			return
		}
		c.showForeign(ctx, entry.ID)
	}
}

// showForeign shows an event that this program has not sent. Its time counts
// from the moment when Robin's client here saw it.
func (c *conversation) showForeign(ctx context.Context, sent id.EventID) {
	c.turn.Lock()
	// It may be the one that was just being sent here.
	mine := c.wasShown(sent.String())
	c.turn.Unlock()
	if mine {
		return
	}
	err := c.onMatrix(ctx, func(context.Context) (id.EventID, error) { return sent, nil })
	if err != nil && ctx.Err() == nil {
		c.markShown(sent.String())
		c.screen.note("error: " + err.Error())
	}
}
