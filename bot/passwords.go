package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agnivade/levenshtein"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// passwords keeps messages that may contain a password from the core and the database, and removes them from their
// rooms.
type passwords struct {
	*Bot

	mu       sync.Mutex
	answered map[id.EventID]time.Time // the same event may be received again, if it could not be accepted
}

// takeOut takes what may contain a password out of the events of a room. It returns what the bot has to remove.
func (p *passwords) takeOut(ctx context.Context, room *relay.RoomSync) (removals []relay.InboxItem) {
	room.Events = slices.DeleteFunc(room.Events, func(evt relay.Event) bool {
		if evt.ParseError != nil || !p.take(ctx, evt.Event) {
			return false
		}
		removals = append(removals, relay.InboxItem{Kind: db.InboxRedact, Event: redactionOf(evt.Event)})
		return true
	})
	return removals
}

// takeOutOfPage is takeOut for a page of a room's history.
func (p *passwords) takeOutOfPage(ctx context.Context, room id.RoomID, events []relay.Event) ([]relay.Event, error) {
	sync := relay.RoomSync{Room: room, Events: events}
	for _, removal := range p.takeOut(ctx, &sync) {
		if err := p.store(ctx, removal.Event); err != nil {
			return nil, err
		}
	}
	return sync.Events, nil
}

// take takes an event if it may contain a password. It reports whether it did. Then the event is to be removed.
func (p *passwords) take(ctx context.Context, evt *event.Event) bool {
	allowed := p.relay.Rights().IsAllowed(evt.Sender) && !p.relay.Rights().IsIgnored(evt.Sender)
	switch {
	case evt.Sender == p.userID:
		return false
	case allowed && p.dialogues.Take(ctx, evt):
		return true
	default:
		return p.takeLogin(ctx, evt, allowed)
	}
}

// takeLogin takes a login command with something behind it, and answers it if its sender is allowed to give commands.
func (p *passwords) takeLogin(ctx context.Context, evt *event.Event, allowed bool) bool {
	if !p.isLoginWithPassword(evt) {
		return false
	} else if allowed {
		p.answer(ctx, evt)
	}
	return true
}

// takeLate returns an event whose key came late, and nothing of what it says if that may be a password. It answers no
// question: nobody may have asked one when the event was sent.
func (p *passwords) takeLate(ctx context.Context, evt *event.Event) (*event.Event, error) {
	allowed := p.relay.Rights().IsAllowed(evt.Sender) && !p.relay.Rights().IsIgnored(evt.Sender)
	if !p.takeLogin(ctx, evt, allowed) {
		return evt, nil
	}
	taken := *evt
	taken.Content = event.Content{}
	return &taken, p.removeLater(ctx, evt)
}

// answer answers, once, a login command with something behind it.
func (p *passwords) answer(ctx context.Context, evt *event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.answered, func(_ id.EventID, at time.Time) bool { return time.Since(at) > time.Hour })
	if _, ok := p.answered[evt.ID]; ok {
		return
	} else if err := p.relay.Say(ctx, evt.RoomID, p.texts.LoginAlone(), ""); err != nil {
		p.log.Err(err).Msg("Failed to answer a command")
		return
	}
	p.answered[evt.ID] = time.Now()
}

// isLoginWithPassword reports whether an event is a login command with something behind it, or was meant to be one.
func (p *passwords) isLoginWithPassword(evt *event.Event) bool {
	typed, ok := p.relay.Command(evt)
	if !ok || typed.Args == "" {
		return false
	}
	name := strings.TrimRight(typed.Name, ":：,;.")
	if slices.ContainsFunc(commandList(), func(c command) bool { return c.name == name }) {
		return name == loginCommand
	}
	spaced := name == "log" && strings.HasPrefix(strings.ToLower(typed.Args), "in ")
	return spaced || levenshtein.ComputeDistance(name, loginCommand) <= 1
}

// redactionOf is what the inbox keeps of an event that is to be removed: nothing of what it says.
func redactionOf(evt *event.Event) *event.Event {
	return &event.Event{ID: syntheticID("remove", evt.RoomID, evt.ID.String()), RoomID: evt.RoomID, Sender: evt.Sender, Type: event.EventRedaction, Redacts: evt.ID}
}

// removeLater has an event removed that did not come with an answer of /sync.
func (p *passwords) removeLater(ctx context.Context, evt *event.Event) error {
	return p.store(ctx, redactionOf(evt))
}

func (p *passwords) store(ctx context.Context, removal *event.Event) error {
	payload, err := json.Marshal(removal)
	if err != nil {
		return fmt.Errorf("failed to store a removal: %w", err)
	}
	err = p.db.Inbox.Insert(ctx, &db.InboxRow{Kind: db.InboxRedact, Room: removal.RoomID, EventID: removal.ID, Payload: string(payload), AcceptedAt: jsontime.UM(time.Now())})
	if err != nil {
		return fmt.Errorf("failed to store a removal: %w", err)
	}
	p.InboxFilled(removal.RoomID)
	return nil
}

// remove removes an event, or asks its sender to do so if the bot may not.
func (p *passwords) remove(ctx context.Context, removal *event.Event) error {
	err := p.redact(ctx, removal.RoomID, removal.Redacts, p.texts.RemovalReason())
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == http.StatusForbidden {
		return p.relay.Say(ctx, removal.RoomID, p.texts.CannotRemove(), removal.Redacts)
	}
	return err
}
