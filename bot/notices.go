package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/exsync"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
)

// chatTries is how often another direct chat is looked for when the one that was found can't be used.
const chatTries = 3

// notices says what is to be said in rooms and to people.
type notices struct {
	*Bot
	awaited *exsync.Set[id.UserID] // people who have yet to accept the invite to their direct chat, where a notice waits
}

// sayNext says the oldest notice for a room or a person, and removes it. A notice that is too old is not said any more.
func (n *notices) sayNext(ctx context.Context, w work) (task.Outcome, error) {
	notice, err := n.db.Notice.Next(ctx, w.room, w.user)
	if err != nil || notice == nil {
		return task.Idle, err
	}
	waits := false
	if time.Since(notice.CreatedAt.Time) <= patience {
		err = task.Guard(ctx, func() (err error) {
			if w.room == "" {
				waits, err = n.sayInPerson(ctx, notice)
				return err
			}
			return n.say(ctx, w.room, notice)
		})
	}
	switch {
	case n.isWorthRetrying(ctx, err, notice.CreatedAt):
		return task.Again, fmt.Errorf("failed to say a notice: %w", err)
	case waits && err == nil:
		return task.Idle, nil
	}
	return task.Again, n.db.Notice.Delete(ctx, notice.ID)
}

// sayInPerson says a notice in the direct chat with the person whom it is for. It reports true if the notice waits until they
// have accepted the invite. A person who has not answered after half of the time that there is finds the notice when they come.
func (n *notices) sayInPerson(ctx context.Context, notice *db.Notice) (waits bool, err error) {
	invited := !n.awaited.Add(notice.User) // before it is asked whether they are there: they may come in between
	defer func() {
		if !waits && (err == nil || !invited) { // after an error, an invite is still to be answered
			n.awaited.Remove(notice.User)
		}
	}()
	for range chatTries {
		room, membership, err := n.directChats.get(ctx, notice.User, invited)
		if err != nil {
			return false, err
		}
		switch membership {
		case event.MembershipInvite:
			if left := patience/2 - time.Since(notice.CreatedAt.Time); left > 0 {
				n.tasks.WakeAfter(left, work{kind: workNotices, user: notice.User})
				return true, nil // until then, or until receiveState wakes it because the person has answered
			}
		case event.MembershipJoin:
			if !n.client.StateStore.IsInRoom(ctx, room, notice.User) {
				n.newcomers.arrived(room, time.Now()) // /sync tells it only later
			}
		case "":
			n.log.Info().Stringer("room_id", room).Stringer("user_id", notice.User).Msg("A room is no longer a direct chat")
			continue
		default:
			n.log.Info().Stringer("room_id", room).Stringer("user_id", notice.User).Msg("The invite to a direct chat was declined, so a notice is dropped")
			return false, nil
		}
		return false, n.say(ctx, room, notice)
	}
	return false, nil
}

// say says a notice in a room. A notice that is too large for the homeserver is only logged.
func (n *notices) say(ctx context.Context, room id.RoomID, notice *db.Notice) error {
	content := format.RenderMarkdown(notice.Markdown, true, false)
	content.Body = notice.Markdown
	content.MsgType = event.MsgNotice
	content.Mentions = &event.Mentions{}
	if notice.ReplyTo != "" {
		content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(notice.ReplyTo)
	}
	out := relay.Outgoing{Type: event.EventMessage, Content: &content, Tag: relay.Tag{Kind: relay.TagNotice}}
	_, err := n.Send(ctx, room, out, fmt.Sprintf("notice-%d-%d", notice.CreatedAt.UnixMilli(), notice.ID))
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == 413 {
		n.log.Err(err).Msg("A notice is too large")
		return nil
	}
	return err
}
