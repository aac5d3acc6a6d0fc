package bot

import (
	"context"
	"encoding/json"
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
func (b *Bot) NoticesFilled() { b.notices.wake() }

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

// sayPatiently says a notice, again after a failure that may pass, and removes it.
func (b *Bot) sayPatiently(ctx context.Context, notice *db.Notice) {
	room := notice.Room
	if room == "" {
		room = b.meet(ctx, notice)
	}
	b.patiently(ctx, "say a notice", room, notice.CreatedAt, func(ctx context.Context) error {
		if room == "" || time.Since(time.UnixMilli(notice.CreatedAt)) > patience {
			return nil // nobody wants to hear it, or any more
		}
		return b.say(ctx, room, notice)
	}, func(ctx context.Context) error { return b.db.Notice.Delete(ctx, notice.ID) })
}

// meet returns the direct chat with the person whom a notice is for when they are there, "" if they declined it. Who is not
// there after half of the time that there is finds the notice when they come.
func (b *Bot) meet(ctx context.Context, notice *db.Notice) (room id.RoomID) {
	b.patiently(ctx, "make a direct chat", "", notice.CreatedAt, func(ctx context.Context) (err error) {
		room, err = b.directChat(ctx, notice.User)
		return err
	}, func(context.Context) error { return nil })
	if room == "" {
		return ""
	}
	ctx, cancel := context.WithDeadline(ctx, time.UnixMilli(notice.CreatedAt).Add(patience/2))
	defer cancel()
	switch b.awaitArrival(ctx, room, notice.User) {
	case event.MembershipJoin, event.MembershipInvite:
		return room
	default:
		return ""
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
	data, err := json.Marshal(&content)
	if err != nil {
		return fmt.Errorf("failed to encode a notice: %w", err)
	}
	out := relay.Outgoing{Type: event.EventMessage, Content: data, Tag: relay.Tag{Kind: relay.TagNotice}}
	_, err = b.Send(ctx, room, out, fmt.Sprintf("notice-%d-%d", notice.CreatedAt, notice.ID))
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == 413 {
		b.log.Err(err).Msg("A notice is too large")
		return nil
	}
	return err
}
