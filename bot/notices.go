package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.mau.fi/util/exsync"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

// chatTries is how often another direct chat is looked for when the one that was found cannot be used.
const chatTries = 3

// notices says what is to be said in rooms and to people.
type notices struct {
	*Bot
	awaited *exsync.Set[id.UserID] // people who have yet to accept the invite to their direct chat, where a notice waits
}

// maxNotices is how many notices are said in one event at most.
const maxNotices = 20

// sayNext says the oldest notice for a room or a person, and removes it. While the homeserver limits the account, it
// says the notices that wait behind it in the same event. Notices whose event the homeserver may have taken are said
// again in the same event. A notice that is too old is not said any more.
func (n *notices) sayNext(ctx context.Context, w work) (task.Outcome, error) {
	limit := 1
	if n.IsLimited() {
		limit = maxNotices
	}
	next, err := n.db.Notice.Next(ctx, w.room, w.user, limit)
	if err != nil || len(next) == 0 {
		return task.Idle, err
	}
	if time.Since(next[0].CreatedAt.Time) > patience {
		return task.Again, n.db.Notice.Delete(ctx, next[0].ID)
	}
	waits, err := n.sayAll(ctx, w, next)
	if err != nil && len(next) > 1 && !n.tasks.Stopping() && !mayPass(err) {
		next = next[:1] // one of them is at fault
		waits, err = n.sayAll(ctx, w, next)
	}
	switch {
	case w.room != "" && isSilenced(err):
		return task.Again, n.passOn(ctx, next[0])
	case n.isWorthRetrying(ctx, err, next[0].CreatedAt):
		return task.Again, fmt.Errorf("failed to say a notice: %w", err)
	case waits && err == nil:
		return task.Idle, nil
	}
	if err != nil {
		next = next[:1] // the others are not too old
	}
	return task.Again, n.db.DoTxn(ctx, func(ctx context.Context) error {
		for _, notice := range next {
			if err := n.db.Notice.Delete(ctx, notice.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// isSilenced reports whether an error says that the bot may not speak in a room, or that there is no such room any
// more.
func isSilenced(err error) bool {
	var failure *relay.MatrixError
	refused := errors.As(err, &failure) && (failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound)
	return refused && !mayPass(err)
}

// passOn gives a notice that cannot be said in a linked room to the person who linked it, or to the people of a
// conversation, and one for administrators to each of them. An answer to a message is given up: it would say nothing to
// anybody else.
func (n *notices) passOn(ctx context.Context, notice *db.Notice) error {
	return n.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := n.db.Notice.Delete(ctx, notice.ID); err != nil || notice.ReplyTo != "" {
			return err
		} else if n.relay.IsAdminRoom(notice.Room) {
			return n.relay.SayToAdmins(ctx, n.texts.SaidInRoom(notice.Room.String(), notice.Markdown))
		}
		portal, err := n.relay.Portal(ctx, notice.Room)
		if err != nil || portal == nil {
			return err
		}
		return n.relay.SayToOwners(ctx, portal, n.texts.SaidInRoom(notice.Room.String(), notice.Markdown))
	})
}

// sayAll says notices for a room or a person in one event. It reports true if they wait, see sayInPerson.
func (n *notices) sayAll(ctx context.Context, w work, notices []*db.Notice) (waits bool, err error) {
	err = task.Guard(ctx, func() (err error) {
		if w.room == "" {
			waits, err = n.sayInPerson(ctx, notices)
			return err
		}
		return n.say(ctx, w.room, notices)
	})
	return waits, err
}

// sayInPerson says notices in the direct chat with the person whom they are for. It reports true if they wait until the
// person has accepted the invite. A person who has not answered after half of the time that there is finds the notice
// when they come.
func (n *notices) sayInPerson(ctx context.Context, notices []*db.Notice) (waits bool, err error) {
	notice := notices[0]
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
		return false, n.say(ctx, room, notices)
	}
	return false, nil
}

// say says notices in a room, in one event. A single notice that is too large for the homeserver is only logged.
func (n *notices) say(ctx context.Context, room id.RoomID, notices []*db.Notice) error {
	first, last := notices[0], notices[len(notices)-1]
	markdown, txnID := first.Markdown, fmt.Sprintf("notice-%d-%d", first.CreatedAt.UnixMilli(), first.ID)
	if len(notices) > 1 {
		markdown, txnID = n.texts.Notices(together(room, notices)), fmt.Sprintf("%s-%d", txnID, last.ID)
	}
	content := relay.NoticeContent(markdown)
	if len(notices) == 1 && first.ReplyTo != "" {
		content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(first.ReplyTo)
	}
	out := relay.Outgoing{Type: event.EventMessage, Content: content, Tag: relay.Tag{Kind: relay.TagNotice}}
	if first.SaidUntil != last.ID {
		if err := n.db.Notice.MarkSaid(ctx, notices); err != nil {
			return err
		}
	}
	_, err := n.Send(ctx, room, out, txnID)
	var failure *relay.MatrixError
	if errors.As(err, &failure) && failure.Status == http.StatusRequestEntityTooLarge && len(notices) == 1 {
		n.log.Err(err).Msg("A notice is too large")
		return nil
	}
	return err
}

// together puts notices with the same text, one after the other, together as one.
func together(room id.RoomID, notices []*db.Notice) (all []words.Notice) {
	for _, notice := range notices {
		if len(all) == 0 || all[len(all)-1].Markdown != notice.Markdown {
			all = append(all, words.Notice{Markdown: notice.Markdown})
		}
		said := &all[len(all)-1]
		said.Times++
		if notice.ReplyTo != "" {
			said.About = append(said.About, room.EventURI(notice.ReplyTo).MatrixToURL())
		}
	}
	return all
}
