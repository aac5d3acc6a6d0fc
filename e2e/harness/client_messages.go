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

// wholeTimeline is the limit of events in an answer of /sync. No room of a test has
// more.
const wholeTimeline = 5000

// Send sends plain text, encrypted if the room is.
func (c *Client) Send(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	return c.SendContent(ctx, room, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgText, Body: text})
}

// SendEmote sends an emote, as clients do for "/me …".
func (c *Client) SendEmote(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	return c.SendContent(ctx, room, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgEmote, Body: text})
}

// SendMarkdown sends text as a client with Markdown support does: the Markdown as
// the body, and HTML as the formatted body.
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
	sent, err := c.engine.send(ctx, room, kind, content)
	if err != nil {
		return "", fmt.Errorf("%s failed to send to %s: %w", c.UserID(), room, err)
	}
	return sent, nil
}

// WaitEvent returns the first event of the room, seen before or still to come,
// that matches, decrypted if the client has the key. If ctx ends before, the error
// shows which events were seen instead.
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
	err := c.seen.changes.Until(ctx, func() (bool, error) {
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

// History reads the whole timeline of a joined room from the homeserver, oldest
// event first, whatever the client's own /sync has returned. It returns an error if
// the homeserver does not return the history completely.
//
// It uses a first /sync, because Dendrite's /messages leaves events out. Of 400
// events by two senders at once it returned 384 in pages of 10, and 399 in pages of
// 100, which is the largest size. Synapse gives at most 100 events in an answer of
// /sync, and the rest of them completely by /messages.
func (c *Client) History(ctx context.Context, room id.RoomID) ([]*event.Event, error) {
	filter, err := c.mx.CreateFilter(ctx, &mautrix.Filter{Room: &mautrix.RoomFilter{
		Rooms: []id.RoomID{room}, Timeline: &mautrix.FilterPart{Limit: wholeTimeline},
	}})
	if err != nil {
		return nil, fmt.Errorf("failed to read the history of %s: %w", room, err)
	}
	resp, err := c.mx.SyncRequest(ctx, 0, "", filter.FilterID, true, event.PresenceOffline)
	if err != nil {
		return nil, fmt.Errorf("failed to read the history of %s: %w", room, err)
	}
	joined := resp.Rooms.Join[room]
	if joined == nil {
		return nil, fmt.Errorf("failed to read the history of %s: %s is not in the room", room, c.UserID())
	}
	history := joined.Timeline.Events
	if joined.Timeline.Limited {
		if len(history) >= wholeTimeline {
			return nil, fmt.Errorf("failed to read the history of %s: it is longer than %d events", room, wholeTimeline)
		}
		older, err := c.before(ctx, room, joined.Timeline.PrevBatch)
		if err != nil {
			return nil, fmt.Errorf("failed to read the history of %s: %w", room, err)
		}
		history = append(older, history...)
	}
	for _, evt := range history {
		parse(room, evt)
	}
	return history, c.engine.decrypt(ctx, history)
}

// before reads the events of a room that are older than a pagination token, oldest
// event first.
func (c *Client) before(ctx context.Context, room id.RoomID, token string) ([]*event.Event, error) {
	const page = 1000
	var events []*event.Event // newest first, as the homeserver gives them
	for token != "" {
		resp, err := c.mx.Messages(ctx, room, token, "", mautrix.DirectionBackward, nil, page)
		if err != nil {
			return nil, err
		}
		events = append(events, resp.Chunk...)
		token = resp.End
	}
	slices.Reverse(events)
	return events, nil
}

// parse does for an event what mautrix's own sync loop does.
func parse(room id.RoomID, evt *event.Event) {
	evt.RoomID = room
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	// An event that mautrix cannot parse keeps its raw content.
	_ = evt.Content.ParseRaw(evt.Type)
}
