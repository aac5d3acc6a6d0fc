package wazoapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Reply says that a message replies to another one (docs/wazo.md, "Replies"). It is
// made after the message, and nothing in [Message] hints at it. Who made it is not
// known: any member of the room may mark anybody's message. A message may reply
// to itself, and replies may form a loop.
type Reply struct {
	Room      UUID
	Child     UUID      // the reply
	Parent    UUID      // what it replies to; "" if that was deleted since
	Preview   Preview   // of Parent
	CreatedAt time.Time // on chatd's clock, in UTC; zero if it does not come from an event
}

// Preview is what the plugin keeps of a message that was replied to, from the moment
// of the reply. It is zero if the message was empty.
type Preview struct {
	Content   string    // the first 200 code points
	Author    UUID      // of the message
	Alias     string    // "" also when Wazo has null
	CreatedAt time.Time // of the message; on chatd's clock, in UTC
}

// UnmarshalJSON reads a preview; null leaves it as it is. Nothing in it is needed.
func (p *Preview) UnmarshalJSON(data []byte) error {
	var raw struct {
		Content   string   `json:"content"`
		Author    UUID     `json:"author_uuid"`
		Alias     string   `json:"author_alias"`
		CreatedAt wazoTime `json:"created_at"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*p = Preview{Content: raw.Content, Author: raw.Author, Alias: raw.Alias, CreatedAt: raw.CreatedAt.Time}
	return nil
}

// UnmarshalJSON reads an answer of the plugin or the data of an event. Room and
// child must be there.
func (y *Reply) UnmarshalJSON(data []byte) error {
	var raw struct {
		Room      UUID     `json:"room_uuid"`
		Child     UUID     `json:"child_message_uuid"`
		Parent    UUID     `json:"parent_message_uuid"`
		Preview   Preview  `json:"parent_preview"`
		CreatedAt wazoTime `json:"created_at"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.Room == "" || raw.Child == "" {
		return errors.New("reply without room or message")
	}
	*y = Reply{Room: raw.Room, Child: raw.Child, Parent: raw.Parent, Preview: raw.Preview, CreatedAt: raw.CreatedAt.Time}
	return nil
}

// MarkReply marks a message, which was posted before, as a reply to another
// message of the same room. That it is marked so already is no error; if it
// replies to another message, the error is [ErrOtherReply]. Nothing takes the mark
// away. The account must be a member of the room ([ErrNotMember]), and need not be
// the author.
//
// After a 500, which comes also if the message is marked already, MarkReply reads
// what the message replies to. If it still returns an error for which
// [OutcomeUnknown] is true, it may be called again. The error is [ErrNoPlugin],
// [ErrUnknownMessage], which may be about either message, or, before any request,
// [ErrInvalidUUID].
func (a *Account) MarkReply(ctx context.Context, room, child, parent UUID) error {
	r, err := a.messageRequest(http.MethodPost, room, child, "/reply")
	if err != nil {
		return err
	}
	if _, err = parent.inPath(); err != nil {
		return err
	}
	r.body = map[string]UUID{"parent_message_uuid": parent}
	return settle(a.call(ctx, r, nil), func() (bool, error) {
		replies, err := a.RoomReplies(ctx, room) // cheaper than to ask for the one
		reply, marked := replies[child]
		if marked && reply.Parent != parent {
			err = ErrOtherReply
		}
		return marked, err
	})
}

// ReplyOf returns what a message replies to. The error is [ErrNoReply] if that is
// nothing, [ErrNoPlugin], [ErrUnknownMessage], or, before any request,
// [ErrInvalidUUID]. The request takes 1 s in a room with 20,000 messages, so ask for
// all replies of the room if that does as well
// (docs/wazo.md, "The plugin for reactions and replies").
func (a *Account) ReplyOf(ctx context.Context, room, message UUID) (Reply, error) {
	r, err := a.messageRequest(http.MethodGet, room, message, "/reply")
	if err != nil {
		return Reply{}, err
	}
	var reply Reply
	err = a.call(ctx, r, &reply)
	if answer, ok := errors.AsType[*Error](err); ok && answer.plugin && !answer.noPlugin &&
		answer.Status == http.StatusNotFound && answer.ID == "" {
		return Reply{}, ErrNoReply // the only 404 of the plugin without an error_id
	}
	return reply, err
}

// RoomReplies returns all replies in a room of the account's tenant, by the message
// that is the reply. There is no paging. The request takes about 15 ms, whatever
// the number of messages (docs/wazo.md, "The plugin for reactions and replies").
// The error is [ErrNoPlugin], or, before any request, [ErrInvalidUUID].
func (a *Account) RoomReplies(ctx context.Context, room UUID) (map[UUID]Reply, error) {
	r, err := a.pluginRequest(http.MethodGet, room, "", "/replies")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Replies map[UUID]struct {
			Parent  UUID    `json:"parent_message_uuid"`
			Preview Preview `json:"parent_preview"`
		} `json:"replies"`
	}
	if err = a.call(ctx, r, &answer); err != nil {
		return nil, err
	}
	replies := make(map[UUID]Reply, len(answer.Replies))
	for child, reply := range answer.Replies {
		replies[child] = Reply{Room: room, Child: child, Parent: reply.Parent, Preview: reply.Preview}
	}
	return replies, nil
}
