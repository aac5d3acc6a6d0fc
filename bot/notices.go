package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
)

// NoticesFilled implements relay.Matrix.
func (b *Bot) NoticesFilled(id.RoomID, id.UserID) { b.notices.wake() }

// sayNotices says what is stored to be said, until ctx ends. Each room has its order; rooms do not wait for each other.
func (b *Bot) sayNotices(ctx context.Context) {
	b.notices.serve(ctx, func(ctx context.Context) (map[id.RoomID][]func(context.Context), error) {
		notices, err := b.db.Notice.All(ctx)
		if err != nil {
			return nil, fmt.Errorf("failed to read notices: %w", err)
		}
		work := make(map[id.RoomID][]func(context.Context))
		for _, notice := range notices {
			key := notice.Room
			if key == "" {
				key = id.RoomID(notice.User) // its direct chat may have to be made first
			}
			work[key] = append(work[key], func(ctx context.Context) { b.sayPatiently(ctx, notice) })
		}
		return work, nil
	})
}

// sayPatiently says a notice, again after a failure that may pass, and removes it. One that is too old is not said any more.
func (b *Bot) sayPatiently(ctx context.Context, notice *db.Notice) {
	remove := func(ctx context.Context) error { return b.db.Notice.Delete(ctx, notice.ID) }
	switch {
	case time.Since(notice.CreatedAt.Time) > patience:
		b.finish(ctx, "drop a notice", remove)
	case notice.Room == "":
		b.sayInPerson(ctx, notice)
	default:
		b.patiently(ctx, "say a notice", notice.Room, notice.CreatedAt, func(ctx context.Context) error { return b.say(ctx, notice.Room, notice) }, remove)
	}
}

func (b *Bot) say(ctx context.Context, room id.RoomID, notice *db.Notice) error {
	content := format.RenderMarkdown(notice.Markdown, true, false)
	content.Body = notice.Markdown
	content.MsgType = event.MsgNotice
	content.Mentions = &event.Mentions{}
	if notice.ReplyTo != "" {
		content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(notice.ReplyTo)
	}
	out := relay.Outgoing{Type: event.EventMessage, Content: &content, Tag: relay.Tag{Kind: relay.TagNotice}}
	_, err := b.Send(ctx, room, out, fmt.Sprintf("notice-%d-%d", notice.CreatedAt.UnixMilli(), notice.ID))
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == 413 {
		b.log.Err(err).Msg("A notice is too large")
		return nil
	}
	return err
}
