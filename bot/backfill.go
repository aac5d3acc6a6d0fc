package bot

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// backfillPage is how many events are asked for at once: few pages, see timelineLimit.
const backfillPage = 500

// Backfill implements relay.Matrix.
func (b *Bot) Backfill(ctx context.Context, roomID id.RoomID, from, to string) ([]relay.Event, string, error) {
	query := map[string]string{"dir": "b", "limit": strconv.Itoa(backfillPage)}
	if from != "" { // otherwise from the end of the timeline
		query["from"] = from
	}
	if to != "" {
		query["to"] = to
	}
	var page struct {
		Chunk []json.RawMessage `json:"chunk"`
		End   string            `json:"end"`
	}
	err := b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		_, err := b.client.MakeFullRequest(ctx, mautrix.FullRequest{
			Method: http.MethodGet, URL: b.client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "rooms", roomID, "messages"}, query), ResponseJSON: &page,
		})
		return translated(err)
	})
	if err != nil {
		return nil, "", err
	}
	events := make([]relay.Event, len(page.Chunk))
	for i, raw := range page.Chunk {
		events[i] = b.receiver.receiveEvent(ctx, raw, roomID, false)
	}
	// In a copy: what was said in the gap does not change how people are called now.
	slices.Reverse(events)
	b.names.table(ctx, roomID).clone().nameSenders(events)
	slices.Reverse(events)
	if events, err = b.passwords.takeOutOfPage(ctx, roomID, events); err != nil {
		return nil, "", err
	}
	if page.End == from {
		page.End = "" // no progress: the end
	}
	return events, page.End, nil
}
