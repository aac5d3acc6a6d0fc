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
	following.Go(func() { t.followRobin(ctx) })
	lines := readLines(ctx, stdin)
	for {
		select {
		case text, more := <-lines:
			if !more {
				return nil
			}
			t.handle(ctx, text)
		case <-t.Stage.Relay.Exited():
			return fmt.Errorf("the relay has ended by itself")
		case <-ctx.Done():
			return nil
		}
	}
}

// handle sends a typed line. If the message is lost, handle shows that and the demo
// goes on.
func (t *talk) handle(ctx context.Context, typed string) {
	side, text, _ := strings.Cut(strings.TrimSpace(typed), " ")
	var err error
	switch {
	case side == "m" && text != "":
		err = t.matrixMarkdown(ctx, text)()
	case side == "w" && text != "":
		err = t.OnWazo(ctx, t.Stage.Cast.Alice, text)
	default:
		t.screen.note(help)
	}
	if err != nil && ctx.Err() == nil {
		t.screen.note("error: " + err.Error())
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
func (t *talk) followRobin(ctx context.Context) {
	robin := t.Stage.Robin
	fromElsewhere := harness.All(harness.From(robin.UserID()), func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && !t.WasShown(evt.ID.String()) &&
			!strings.HasPrefix(evt.Content.AsMessage().Body, conversation.CommandPrefix)
	})
	for {
		entry, err := robin.WaitEvent(ctx, t.Portal.Matrix, fromElsewhere)
		if err != nil {
			return
		}
		if err = t.ShowForeign(ctx, entry.ID); err != nil && ctx.Err() == nil {
			t.screen.note("error: " + err.Error())
		}
	}
}
