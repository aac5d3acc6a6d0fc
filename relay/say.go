package relay

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/format"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

// Texts returns the texts in which the relay speaks to people.
func (r *Relay) Texts() words.Texts { return r.texts }

// Say says something to the people of a Matrix room as a notice; replyTo may be empty. It is stored, in the transaction
// that ctx carries together with the change that it tells of, and said when the homeserver takes it.
func (r *Relay) Say(ctx context.Context, room id.RoomID, markdown string, replyTo id.EventID) error {
	return r.storeNotice(ctx, &db.Notice{Room: room, Markdown: markdown, ReplyTo: replyTo})
}

// NoticeContent returns the content of a notice. Its plain body is the Markdown without escapes. It mentions nobody.
func NoticeContent(markdown string) *event.MessageEventContent {
	content := format.RenderMarkdown(markdown, true, false)
	content.MsgType, content.Body, content.Mentions = event.MsgNotice, words.Unescape(markdown), &event.Mentions{}
	return &content
}

// SayTo says something to one person, in the bot's direct chat with them.
func (r *Relay) SayTo(ctx context.Context, user id.UserID, markdown string) error {
	return r.storeNotice(ctx, &db.Notice{User: user, Markdown: markdown})
}

// SayToOwners says something in person to those whom a portal concerns: who has linked it, or the people of a
// conversation that has opened by itself.
func (r *Relay) SayToOwners(ctx context.Context, portal *db.Portal, markdown string) error {
	owners := []id.UserID{portal.LinkedBy}
	if portal.IsOpened() {
		members, err := r.db.PortalMember.Of(ctx, portal.ID)
		if err != nil {
			return err
		}
		owners = nil
		for _, member := range members {
			if member.State == db.MemberJoined {
				owners = append(owners, member.MatrixUser)
			}
		}
	}
	for _, owner := range owners {
		if err := r.SayTo(ctx, owner, markdown); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) storeNotice(ctx context.Context, notice *db.Notice) error {
	notice.CreatedAt = jsontime.UM(time.Now())
	if err := r.db.Notice.Insert(ctx, notice); err != nil {
		return fmt.Errorf("failed to store a notice: %w", err)
	}
	db.AfterCommit(ctx, func() { r.matrix.NoticesFilled(notice.Room, notice.User) })
	return nil
}
