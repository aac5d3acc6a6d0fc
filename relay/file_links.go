package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// MediaConfig says how the files of Matrix messages reach people on Wazo, whose chat has none.
type MediaConfig struct {
	URL     string        // below which they are served, like https://relay.example.org/media; "": they are only announced
	Life    time.Duration // of a link
	MaxSize int64         // in bytes: larger files get no link
}

// attachment returns the file of an event as it is served, nil if it is not.
func (d *wazoDelivery) attachment(evt *event.Event, content *event.MessageEventContent, opts convert.WazoOptions) (*db.Media, error) {
	if d.cfg.Media.URL == "" {
		return nil, nil
	}
	file := convert.AttachmentOf(content, opts)
	if file == nil || int64(file.Size) > d.cfg.Media.MaxSize {
		return nil, nil
	}
	now, room := time.Now(), d.saidIn(evt)
	message := evt.ID
	if content.NewContent != nil {
		message = cmp.Or(content.RelatesTo.GetReplaceID(), evt.ID)
	}
	media := &db.Media{
		Key: d.db.Media.Key(room, evt.ID), Room: room, EventID: message, MXC: file.URI.CUString(), Name: file.Name, MimeType: file.MimeType,
		CreatedAt: jsontime.UM(now), ExpiresAt: jsontime.UM(now.Add(d.cfg.Media.Life)),
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

// saidIn is the room of an event. The room of its portal is another one by now if the room was upgraded.
func (d *wazoDelivery) saidIn(evt *event.Event) id.RoomID {
	return cmp.Or(evt.RoomID, d.portal.MatrixRoom)
}

// mediaURL is the link to a file, "" if there is none.
func (d *wazoDelivery) mediaURL(media *db.Media) string {
	if media == nil {
		return ""
	}
	return convert.FileURL(d.cfg.Media.URL, media.Key, media.Name)
}

// extendMedia lets the link in a request that was stored before work for as long as the link in a new one.
func (d *wazoDelivery) extendMedia(ctx context.Context) error {
	if d.row.Kind != db.KindMessage || d.cfg.Media.URL == "" {
		return nil
	}
	var evt event.Event
	if err := json.Unmarshal([]byte(d.row.Payload), &evt); err != nil {
		return &messageError{words.WhyUnreadable, err}
	}
	key := d.db.Media.Key(d.saidIn(&evt), evt.ID)
	return d.db.Media.Extend(ctx, key, jsontime.UM(time.Now().Add(d.cfg.Media.Life)))
}

// redactMedia removes the files of a message if an event takes that back. It is for all events of all rooms: links
// outlive portals.
func (a *matrixAccept) redactMedia(ctx context.Context, room id.RoomID, evt Event) error {
	if evt.ParseError != nil || evt.Type.Type != event.EventRedaction.Type || evt.StateKey != nil {
		return nil
	}
	return a.db.Media.DeleteEvent(ctx, room, redacted(evt.Event))
}
