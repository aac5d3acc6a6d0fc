package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
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
	err := b.gate.pass(ctx, func() error {
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
		events[i] = b.receiveEvent(ctx, raw, roomID, false)
	}
	if page.End == from {
		page.End = "" // no progress: the end
	}
	return events, page.End, nil
}

// Decrypt implements relay.Matrix.
func (b *Bot) Decrypt(ctx context.Context, evt *event.Event, wait time.Duration) (*event.Event, error) {
	decrypted, err := b.decrypt(ctx, evt)
	if err == nil || wait <= 0 {
		return decrypted, noKey(err)
	}
	parsed := *evt
	if parseErr := parsed.Content.ParseRaw(event.EventEncrypted); parseErr != nil {
		return nil, noKey(parseErr)
	}
	content := parsed.Content.AsEncrypted()
	if !b.crypto.WaitForSession(ctx, evt.RoomID, content.SenderKey, content.SessionID, wait) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, noKey(err)
	}
	decrypted, err = b.decrypt(ctx, evt)
	return decrypted, noKey(err)
}

// noKey tells an event that cannot be decrypted from a database that cannot be read.
func noKey(err error) error {
	var database sqlite3.Error
	if err == nil || errors.As(err, &database) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", relay.ErrNoKey, err)
}
