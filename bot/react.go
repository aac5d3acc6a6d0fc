package bot

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// React implements relay.Matrix. Reactions are never encrypted, also in encrypted rooms: the homeserver counts them
// (docs/matrix.md, "What stays in clear").
func (b *Bot) React(ctx context.Context, roomID id.RoomID, reaction relay.OutgoingReaction, txnID string) (eventID id.EventID, err error) {
	content := &event.ReactionEventContent{RelatesTo: event.RelatesTo{Type: event.RelAnnotation, EventID: reaction.Target, Key: reaction.Key}}
	encoded, err := b.encode(content, relay.Tag{Kind: relay.TagReaction})
	if err != nil {
		return "", &relay.MatrixError{NotSent: true, Err: err}
	}
	err = b.call(ctx, func() error {
		if err := reaction.Check(ctx); err != nil {
			return &relay.MatrixError{NotSent: true, Err: err}
		}
		eventID, err = b.putEvent(ctx, roomID, event.EventReaction, encoded, txnID)
		return err
	})
	return eventID, err
}

// FindReaction implements relay.Matrix.
func (b *Bot) FindReaction(ctx context.Context, roomID id.RoomID, target id.EventID, key string) (found id.EventID, err error) {
	query := &mautrix.ReqGetRelations{RelationType: event.RelAnnotation, EventType: event.EventReaction, Limit: 100}
	for {
		var page *mautrix.RespGetRelations
		err = b.ask(ctx, func() error {
			ctx, cancel := b.request(ctx)
			defer cancel()
			var err error
			page, err = b.client.GetRelations(ctx, roomID, target, query)
			return translated(err)
		})
		if err != nil {
			return "", err
		}
		for _, evt := range page.Chunk {
			if relation, ok := evt.Content.Raw["m.relates_to"].(map[string]any); ok && evt.Sender == b.UserID() && relation["key"] == key {
				return evt.ID, nil
			}
		}
		if page.NextBatch == "" || len(page.Chunk) == 0 {
			return "", nil
		}
		query.From = page.NextBatch
	}
}
