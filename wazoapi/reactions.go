package wazoapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Reaction is the reaction of one account to one message
// (docs/wazo.md, "Reactions"). Room, Message, User and Emoji identify it.
type Reaction struct {
	Room      UUID
	Message   UUID
	User      UUID
	Emoji     string    // as it was spelled, see [NormalEmoji]; any text, even an empty one
	CreatedAt time.Time // on chatd's clock, in UTC; zero in the event of a removal
}

// UnmarshalJSON reads the data of an event. All but the time must be there.
func (x *Reaction) UnmarshalJSON(data []byte) error {
	var raw struct {
		Room      UUID     `json:"room_uuid"`
		Message   UUID     `json:"message_uuid"`
		User      UUID     `json:"user_uuid"`
		Emoji     *string  `json:"emoji"`
		CreatedAt wazoTime `json:"created_at"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.Room == "" || raw.Message == "" || raw.User == "" || raw.Emoji == nil {
		return errors.New("reaction without room, message, user or emoji")
	}
	*x = Reaction{Room: raw.Room, Message: raw.Message, User: raw.User, Emoji: *raw.Emoji, CreatedAt: raw.CreatedAt.Time}
	return nil
}

// reactionGroup are the reactions with one emoji, as the plugin lists them.
type reactionGroup struct {
	Emoji   string `json:"emoji"`
	Details []struct {
		User      UUID     `json:"user_uuid"`
		CreatedAt wazoTime `json:"created_at"`
	} `json:"details"`
}

// AddReaction adds a reaction of the account to a message. That the account has
// reacted with it already is no error. The account must be a member of the room
// ([ErrNotMember]).
//
// After a 500 AddReaction reads whether the reaction is there nevertheless. If it
// still returns an error for which [OutcomeUnknown] is true, it may be called
// again: that adds nothing twice. The error is [ErrNoPlugin],
// [ErrUnknownMessage], or, before any request, [ErrInvalidUUID] or
// [ErrInvalidEmoji].
func (a *Account) AddReaction(ctx context.Context, room, message UUID, emoji string) error {
	r, err := a.messageRequest(http.MethodPost, room, message, "/reactions")
	if err != nil {
		return err
	}
	if err = CheckEmoji(emoji); err != nil {
		return err
	}
	r.body = map[string]string{"emoji": emoji}
	err = a.call(ctx, r, nil)
	if hasID(err, http.StatusConflict, "reaction-already-exists") {
		return nil
	}
	return settle(err, func() (bool, error) {
		mine, err := a.ownReactions(ctx, room, message)
		return slices.Contains(mine, emoji), err
	})
}

// RemoveReaction removes a reaction of the account from a message. If there is
// none in this spelling, it removes those with the same [NormalEmoji]. That there
// is none at all is no error. The account must be a member of the room
// ([ErrNotMember]).
//
// After a 500 RemoveReaction reads whether the reaction is gone nevertheless. If it
// still returns an error for which [OutcomeUnknown] is true, it may be called
// again. Its errors are those of [Account.AddReaction].
func (a *Account) RemoveReaction(ctx context.Context, room, message UUID, emoji string) error {
	found, err := a.removeSpelling(ctx, room, message, emoji)
	if found || err != nil {
		return err
	}
	mine, err := a.ownReactions(ctx, room, message)
	for _, spelling := range mine {
		if err == nil && NormalEmoji(spelling) == NormalEmoji(emoji) && CheckEmoji(spelling) == nil {
			_, err = a.removeSpelling(ctx, room, message, spelling)
		}
	}
	return err
}

// removeSpelling removes exactly this reaction. found is false if it is not there.
func (a *Account) removeSpelling(ctx context.Context, room, message UUID, emoji string) (found bool, err error) {
	r, err := a.messageRequest(http.MethodDelete, room, message, "/reactions/{emoji}")
	if err != nil {
		return false, err
	}
	if err = CheckEmoji(emoji); err != nil {
		return false, err
	}
	r.emoji = emoji
	err = a.call(ctx, r, nil)
	if hasID(err, http.StatusNotFound, "reaction-not-found") {
		return false, nil
	}
	return true, settle(err, func() (bool, error) {
		mine, err := a.ownReactions(ctx, room, message)
		return !slices.Contains(mine, emoji), err
	})
}

// ownReactions returns with what the account has reacted to a message.
func (a *Account) ownReactions(ctx context.Context, room, message UUID) ([]string, error) {
	token, err := a.Token(ctx)
	if err != nil {
		return nil, err
	}
	// That of the message alone would load the whole history of the room.
	reactions, err := a.RoomReactions(ctx, room)
	var emoji []string
	for _, x := range reactions {
		if x.Message == message && x.User == token.UserUUID {
			emoji = append(emoji, x.Emoji)
		}
	}
	return emoji, err
}

// RoomReactions returns the reactions to all messages of a room of the account's
// tenant, the oldest first. There is no paging. The request takes about 15 ms,
// whatever the number of messages
// (docs/wazo.md, "The plugin for reactions and replies"). Whoever wants to know
// what changed while no events came compares it with what was known: nothing tells
// which reactions were removed. The error is [ErrNoPlugin], or, before any request,
// [ErrInvalidUUID].
func (a *Account) RoomReactions(ctx context.Context, room UUID) ([]Reaction, error) {
	r, err := a.pluginRequest(http.MethodGet, room, "", "/reactions")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Reactions map[UUID][]reactionGroup `json:"reactions"`
	}
	err = a.call(ctx, r, &answer)
	var all []Reaction
	for message, groups := range answer.Reactions {
		all = appendReactions(all, room, message, groups)
	}
	sortReactions(all)
	return all, err
}

// MessageReactions returns the reactions to one message, the oldest first. The
// request takes 1 s in a room with 20,000 messages, so ask for those of the room if
// that does as well (docs/wazo.md, "The plugin for reactions and replies"). The error
// is [ErrNoPlugin], [ErrUnknownMessage], or, before any request, [ErrInvalidUUID].
func (a *Account) MessageReactions(ctx context.Context, room, message UUID) ([]Reaction, error) {
	r, err := a.messageRequest(http.MethodGet, room, message, "/reactions")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Reactions []reactionGroup `json:"reactions"`
	}
	err = a.call(ctx, r, &answer)
	all := appendReactions(nil, room, message, answer.Reactions)
	sortReactions(all)
	return all, err
}

func appendReactions(all []Reaction, room, message UUID, groups []reactionGroup) []Reaction {
	for _, group := range groups {
		for _, x := range group.Details {
			all = append(all, Reaction{Room: room, Message: message, User: x.User, Emoji: group.Emoji, CreatedAt: x.CreatedAt.Time})
		}
	}
	return all
}

func sortReactions(all []Reaction) {
	slices.SortStableFunc(all, func(a, b Reaction) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Message, b.Message))
	})
}

// messageRequest returns a request to the plugin about a message.
func (a *Account) messageRequest(method string, room, message UUID, path string) (request, error) {
	if _, err := message.inPath(); err != nil {
		return request{}, err
	}
	return a.pluginRequest(method, room, message, path)
}

// hasID reports whether err is an answer with this status and error_id.
func hasID(err error, status int, id string) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Status == status && answer.ID == id
}
