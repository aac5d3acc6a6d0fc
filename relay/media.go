package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
)

// MediaConfig says how the files of Matrix messages reach people on Wazo, whose chat has none.
type MediaConfig struct {
	URL     string        // below which they are served, like https://relay.example.org/media; "": they are only announced
	Life    time.Duration // of a link
	MaxSize int64         // in bytes: larger files get no link
}

// attachment returns the file of an event as it is served, nil if it is not.
func (r *Relay) attachment(room id.RoomID, evt *event.Event, content *event.MessageEventContent, opts convert.WazoOptions) (*db.Media, error) {
	if r.cfg.Media.URL == "" {
		return nil, nil
	}
	file := convert.AttachmentOf(content, opts)
	if file == nil || int64(file.Size) > r.cfg.Media.MaxSize {
		return nil, nil
	}
	now := time.Now()
	media := &db.Media{
		Room: room, EventID: evt.ID, MXC: file.URI.CUString(), Name: file.Name, MimeType: file.MimeType,
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(r.cfg.Media.Life).UnixMilli(),
	}
	if file.Encrypted != nil {
		keys, err := json.Marshal(file.Encrypted)
		if err != nil {
			return nil, fmt.Errorf("failed to store the keys of a file: %w", err)
		}
		media.Encrypted = string(keys)
	}
	return media, nil
}

// mediaURL is the link to a file, "" if there is none.
func (r *Relay) mediaURL(media *db.Media) string {
	if media == nil {
		return ""
	}
	return convert.FileURL(r.cfg.Media.URL, r.db.Media.Key(media.Room, media.EventID), media.Name)
}

// keepMedia stores the file that a request links to, if there is one: a link must not be posted before it leads somewhere.
func (r *Relay) keepMedia(ctx context.Context, request *wazoRequest) error {
	if request.media == nil {
		return nil // or kept with an earlier attempt
	}
	return r.db.Media.Put(ctx, request.media)
}

// redactMedia removes the file of a message that was taken back.
func (r *Relay) redactMedia(ctx context.Context, portal *db.Portal, evt *event.Event) error {
	return r.db.Media.DeleteEvent(ctx, portal.MatrixRoom, redacted(evt))
}
