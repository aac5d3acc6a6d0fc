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
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// sayNext says the oldest notice for a room or a person, and removes it. A notice that is too old is not said any more.
func (b *Bot) sayNext(ctx context.Context, w work) (task.Outcome, error) {
	notice, err := b.db.Notice.Next(ctx, w.room, w.user)
	if err != nil || notice == nil {
		return task.Idle, err
	}
	waits := false
	if time.Since(notice.CreatedAt.Time) <= patience {
		err = task.Guard(ctx, func() (err error) {
			if w.room == "" {
				waits, err = b.sayInPerson(ctx, notice)
				return err
			}
			return b.say(ctx, w.room, notice)
		})
	}
	switch {
	case b.isWorthRetrying(ctx, err, notice.CreatedAt):
		return task.Again, fmt.Errorf("failed to say a notice: %w", err)
	case waits && err == nil:
		return task.Idle, nil
	}
	return task.Again, b.db.Notice.Delete(ctx, notice.ID)
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
