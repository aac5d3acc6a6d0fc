package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"wazo-matrix-relay/e2e/conversation"
	"wazo-matrix-relay/e2e/harness"

	"maunium.net/go/mautrix/event"
)

const help = `m TEXT  say it on Matrix as Robin (Markdown works)
w TEXT  say it on Wazo as Alice
Commands work on both sides: m ` + conversation.CommandPrefix + ` status, w ` + conversation.CommandPrefix + ` help
Ctrl-C or the end of the input ends everything.`

// stay serves lines typed by hand, and shows what Robin says from another
// client, until the input or ctx ends.
func (t *talk) stay(ctx context.Context, stdin io.Reader) error {
	robin := t.Stage.Robin
	t.screen.note(fmt.Sprintf("Or log in with a Matrix client: homeserver %s, user %s, password %s",
		t.Stage.Homeserver.URL(), robin.UserID(), robin.Password()))
	t.screen.note(help)

	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	c := &commands{talk: t}
	following.Go(func() { c.followRobin(ctx) })
	following.Go(func() { c.followNotices(ctx) })
	following.Go(func() { c.followWords(ctx) })
	lines := readLines(ctx, stdin)
	for {
		t.screen.ask()
		select {
		case text, more := <-lines:
			t.screen.answered()
			if !more {
				return nil
			}
			c.handle(ctx, text)
		case <-t.Stage.Relay.Exited():
			return fmt.Errorf("the relay has ended by itself")
		case <-ctx.Done():
			return nil
		}
	}
}

// handle sends a typed line. If the message is lost, handle shows that and the demo
// goes on.
func (c *commands) handle(ctx context.Context, typed string) {
	side, text, _ := strings.Cut(strings.TrimSpace(typed), " ")
	oneSided := isCommand(text) || c.unlinked.Load()
	var err error
	switch {
	case side == "m" && text != "" && oneSided:
		err = c.onMatrix(ctx, text)
	case side == "m" && text != "":
		err = c.matrixMarkdown(ctx, text)()
	case side == "w" && text != "" && oneSided:
		err = c.onWazo(ctx, c.Stage.Cast.Alice, text)
	case side == "w" && text != "":
		err = c.OnWazo(ctx, c.Stage.Cast.Alice, text)
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
func (c *commands) followRobin(ctx context.Context) {
	robin := c.Stage.Robin
	fromElsewhere := harness.All(harness.From(robin.UserID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && !c.WasShown(evt.ID.String()) &&
			!c.unlinked.Load() && !isCommand(evt.Content.AsMessage().Body)
	})
	for {
		entry, err := robin.WaitEvent(ctx, c.Portal.Matrix, fromElsewhere)
		if err != nil {
			return
		}
		if err = c.ShowForeign(ctx, entry.ID); err != nil && ctx.Err() == nil {
			c.screen.note("error: " + err.Error())
		}
	}
}
