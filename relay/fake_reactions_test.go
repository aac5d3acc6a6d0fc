package relay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
)

// What fakeMatrix does with reactions and redactions of the bot.

func (f *fakeMatrix) React(ctx context.Context, room id.RoomID, reaction OutgoingReaction, txnID string) (id.EventID, error) {
	if err := reaction.Check(ctx); err != nil {
		return "", &MatrixError{NotSent: true, Err: err}
	}
	f.mu.Lock()
	before, after, known := f.beforeSend, f.afterSend, f.byTxn[txnID]
	f.reactTxns = append(f.reactTxns, txnID)
	f.mu.Unlock()
	if known != "" && !f.forgetsTransactions {
		return known, nil
	}
	if before != nil {
		if err := before(reaction.Key); err != nil {
			return "", err
		}
	}
	if f.refusesDoubles {
		if there, _ := f.FindReaction(ctx, room, reaction.Target, reaction.Key); there != "" {
			return "", &MatrixError{Status: 400, Code: "M_DUPLICATE_ANNOTATION", Err: errLost}
		}
	}
	eventID := f.add(room, botUser, event.EventReaction, map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": reaction.Target, "key": reaction.Key}, TagKey: Tag{Kind: TagReaction},
	})
	f.mu.Lock()
	f.byTxn[txnID] = eventID
	f.mu.Unlock()
	if after != nil {
		return eventID, after(reaction.Key)
	}
	return eventID, nil
}

func (f *fakeMatrix) FindReaction(_ context.Context, room id.RoomID, target id.EventID, key string) (id.EventID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for eventID, x := range f.reactionsIn(room) {
		if x == [2]string{target.String(), key} {
			return eventID, nil
		}
	}
	return "", nil
}

func (f *fakeMatrix) Redact(_ context.Context, room id.RoomID, target id.EventID) error {
	f.mu.Lock()
	refusal := f.redactError
	f.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	f.add(room, botUser, event.EventRedaction, map[string]any{"redacts": target})
	f.strip(room, target)
	return nil
}

// strip removes the content of an event that was redacted, as a homeserver does.
func (f *fakeMatrix) strip(room id.RoomID, target id.EventID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, evt := range f.rooms[room] {
		if evt.ID == target {
			stripped := *evt.Event
			stripped.Content = event.Content{Raw: map[string]any{}, VeryRaw: []byte("{}")}
			f.rooms[room][i] = Event{Event: &stripped}
		}
	}
}

// reactionsIn returns what the bot reacts to with what, by its events; the lock must be held.
func (f *fakeMatrix) reactionsIn(room id.RoomID) map[id.EventID][2]string {
	all := make(map[id.EventID][2]string)
	for _, evt := range f.rooms[room] {
		relation, _ := evt.Content.Raw["m.relates_to"].(map[string]any)
		if evt.Type.Type == event.EventReaction.Type && evt.Sender == botUser && relation != nil {
			all[evt.ID] = [2]string{fmt.Sprint(relation["event_id"]), fmt.Sprint(relation["key"])}
		}
	}
	return all
}

// reacted returns the bot's reactions as "emoji text", where text is the one of the event that a reaction is for. They
// are sorted.
func (f *fakeMatrix) reacted() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range slices.Collect(maps.Values(f.reactionsIn(roomID))) {
		for _, evt := range f.rooms[roomID] {
			if evt.ID.String() == x[0] {
				all = append(all, x[1]+" "+bodyOf(evt.Content.VeryRaw))
			}
		}
	}
	slices.Sort(all)
	return all
}

// awaitReacted waits until the bot's reactions are exactly these.
func (f *fixture) awaitReacted(want ...string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("reactions %q", want), func() bool { return slices.Equal(f.matrix.reacted(), want) })
}

// who returns the notices that say who has reacted, each with its edits, as they are now.
func (f *fakeMatrix) who() (texts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edits := make(map[id.EventID]string)
	for _, evt := range f.rooms[roomID] {
		if evt.Tag != nil && evt.Tag.Kind == TagEdit {
			relation, _ := evt.Content.Raw["m.relates_to"].(map[string]any)
			edits[id.EventID(fmt.Sprint(relation["event_id"]))] = strings.TrimPrefix(bodyOf(evt.Content.VeryRaw), "* ")
		}
	}
	for _, evt := range f.rooms[roomID] {
		if evt.Tag == nil || evt.Tag.Kind != TagReactions {
			continue
		} else if edited, ok := edits[evt.ID]; ok {
			texts = append(texts, edited)
		} else {
			texts = append(texts, bodyOf(evt.Content.VeryRaw))
		}
	}
	return texts
}

// awaitWho waits until the notices that say who has reacted are exactly these.
func (f *fixture) awaitWho(want ...string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("notices %q", want), func() bool { return slices.Equal(f.matrix.who(), want) })
}
