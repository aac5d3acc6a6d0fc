package harness

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"
)

// historyPage is how many events one /messages request asks for.
const historyPage = 500

// Send sends plain text, encrypted if the room is.
func (c *Client) Send(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	return c.SendContent(ctx, room, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgText, Body: text})
}

// SendEmote sends what clients send for "/me …".
func (c *Client) SendEmote(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	return c.SendContent(ctx, room, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgEmote, Body: text})
}

// SendMarkdown sends text as a client with Markdown support does: the Markdown
// as body, and HTML beside it.
func (c *Client) SendMarkdown(ctx context.Context, room id.RoomID, markdown string) (id.EventID, error) {
	content := format.RenderMarkdown(markdown, true, false)
	return c.SendHTML(ctx, room, markdown, content.FormattedBody)
}

// SendHTML sends a message with both forms as given.
func (c *Client) SendHTML(ctx context.Context, room id.RoomID, plain, html string) (id.EventID, error) {
	return c.SendContent(ctx, room, event.EventMessage, &event.MessageEventContent{
		MsgType: event.MsgText, Body: plain, Format: event.FormatHTML, FormattedBody: html,
	})
}

// SendContent sends any event, encrypted if the room is. It waits for the
// client's own join to be seen, and refuses to send plaintext to an encrypted
// room.
func (c *Client) SendContent(ctx context.Context, room id.RoomID, kind event.Type, content any) (id.EventID, error) {
	if err := c.prepare(ctx, room); err != nil {
		return "", err
	}
	resp, err := c.mx.SendMessageEvent(ctx, room, kind, content)
	if err != nil {
		return "", fmt.Errorf("%s failed to send to %s: %w", c.UserID(), room, err)
	}
	return resp.EventID, nil
}

// WaitEvent returns the first event of the room, seen before or still to come,
// that matches, decrypted if the client can. The error of a wait that ended
// without it shows what was seen instead.
func (c *Client) WaitEvent(ctx context.Context, room id.RoomID, match Match) (Entry, error) {
	entry, err := c.seen.wait(ctx, room, match)
	if err != nil {
		return entry, fmt.Errorf("%s: %w", c.UserID(), err)
	}
	return entry, nil
}

// WaitMany waits until n timeline events of the room match and returns them in
// the room's order.
func (c *Client) WaitMany(ctx context.Context, room id.RoomID, n int, match Match) ([]Entry, error) {
	var found []Entry
	err := c.seen.until(ctx, func() (bool, error) {
		found = found[:0]
		for _, entry := range c.Timeline(room) {
			if match(entry.Event) {
				found = append(found, entry)
			}
		}
		return len(found) >= n, nil
	})
	if err != nil {
		return found, fmt.Errorf("%s: %d of %d events in %s: %w", c.UserID(), len(found), n, room, err)
	}
	return found, nil
}

// Timeline returns the timeline events of the room in the order in which /sync
// gave them, decrypted where the key has come.
func (c *Client) Timeline(room id.RoomID) []Entry {
	entries := c.seen.snapshot(room)
	timeline := entries[:0]
	for _, entry := range entries {
		if entry.Mautrix.EventSource&event.SourceTimeline != 0 {
			timeline = append(timeline, entry)
		}
	}
	return timeline
}

// History reads the whole room from the homeserver, oldest first, independent
// of what /sync gave.
func (c *Client) History(ctx context.Context, room id.RoomID) ([]*event.Event, error) {
	var history []*event.Event
	// Backwards, because Dendrite's forward pages without a starting point end
	// in a token that it doesn't accept itself.
	for from := ""; ; {
		page, err := c.mx.Messages(ctx, room, from, "", mautrix.DirectionBackward, nil, historyPage)
		if err != nil {
			return nil, fmt.Errorf("failed to read the history of %s: %w", room, err)
		}
		for _, evt := range page.Chunk {
			history = append(history, c.parse(ctx, room, evt))
		}
		if page.End == "" || page.End == from {
			slices.Reverse(history)
			return history, nil
		}
		from = page.End
	}
}

// parse does for an event of /messages what mautrix does for those of /sync.
func (c *Client) parse(ctx context.Context, room id.RoomID, evt *event.Event) *event.Event {
	evt.RoomID = room
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	// An event that mautrix cannot parse keeps its raw content.
	_ = evt.Content.ParseRaw(evt.Type)
	return c.decrypt(ctx, evt)
}
