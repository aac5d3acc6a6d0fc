package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

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
func (r *Relay) attachment(portal *db.Portal, evt *event.Event, content *event.MessageEventContent, opts convert.WazoOptions) (*db.Media, error) {
	if r.cfg.Media.URL == "" {
		return nil, nil
	}
	file := convert.AttachmentOf(content, opts)
	if file == nil || int64(file.Size) > r.cfg.Media.MaxSize {
		return nil, nil
	}
	now, room := time.Now(), saidIn(portal, evt)
	message := evt.ID
	if content.NewContent != nil {
		message = cmp.Or(content.RelatesTo.GetReplaceID(), evt.ID)
	}
	media := &db.Media{
		Key: r.db.Media.Key(room, evt.ID), Room: room, EventID: message, MXC: file.URI.CUString(), Name: file.Name, MimeType: file.MimeType,
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

// saidIn is the room of an event. That of its portal is another one by now if the room was upgraded.
func saidIn(portal *db.Portal, evt *event.Event) id.RoomID {
	return cmp.Or(evt.RoomID, portal.MatrixRoom)
}

// mediaURL is the link to a file, "" if there is none.
func (r *Relay) mediaURL(media *db.Media) string {
	if media == nil {
		return ""
	}
	return convert.FileURL(r.cfg.Media.URL, media.Key, media.Name)
}

// keepMedia stores, within a transaction, the file that the request of a row links to, if there is one: a link must not be
// posted before it leads somewhere. The file of a request that is stored already is too; its link works for as long as others.
func (r *Relay) keepMedia(ctx context.Context, portal *db.Portal, row *db.Row, media *db.Media) error {
	switch {
	case media != nil:
		return r.db.Media.Put(ctx, media)
	case row.Parts > 0 && row.Kind == db.KindMessage && r.cfg.Media.URL != "":
		var evt event.Event
		if err := json.Unmarshal([]byte(row.Payload), &evt); err != nil {
			return &messageError{words.WhyUnreadable, err}
		}
		key := r.db.Media.Key(saidIn(portal, &evt), evt.ID)
		return r.db.Media.Extend(ctx, key, time.Now().Add(r.cfg.Media.Life).UnixMilli())
	default:
		return nil
	}
}

// redactMedia removes the files of a message if an event takes that back. It is for all events of all rooms: links outlive
// portals.
func (r *Relay) redactMedia(ctx context.Context, room id.RoomID, evt Event) error {
	if evt.Broken != nil || evt.Type.Type != event.EventRedaction.Type || evt.StateKey != nil {
		return nil
	}
	return r.db.Media.DeleteEvent(ctx, room, redacted(evt.Event))
}
