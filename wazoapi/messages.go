package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

var errNoUUID = errors.New("unreadable answer: it has no uuid")

// PostMessage posts a message in a room of the account's tenant and returns it
// as chatd stored it. The account need not be a member of the room
// (docs/wazo.md, "Post messages"). The draft is sent as it is; chatd refuses some
// texts, see [Clean].
//
// The request is repeated only after a 401 for an invalid token, which means
// that nothing was stored. After an error, [OutcomeUnknown] tells whether the
// message may be stored, and sent to somebody outside Wazo. The error is
// [ErrInvalidUUID], before any request, if room is not a uuid.
func (a *Account) PostMessage(ctx context.Context, room UUID, d Draft) (Message, error) {
	r, err := a.roomMessages(http.MethodPost, room)
	if err != nil {
		return Message{}, err
	}
	r.timeout = a.c.cfg.PostTimeout
	r.body = struct {
		Content  string `json:"content"`
		Alias    string `json:"alias,omitempty"`
		Identity UUID   `json:"sender_identity_uuid,omitempty"`
	}{d.Content, d.Alias, d.Identity}
	var message Message
	if err = a.call(ctx, r, &message); err != nil {
		return Message{}, err
	}
	return message, nil
}

// Messages reads the history of a room that the account is a member of; a room
// of others is answered by 404. Ask with some overlap, because a message can
// become visible after one with a later CreatedAt
// (docs/wazo.md, "created_at precedes the commit"). The error is
// [ErrInvalidUUID], before any request, if room is not a uuid, and wraps
// [ErrTooLarge] if the page has more than 64 MiB.
func (a *Account) Messages(ctx context.Context, room UUID, q MessageQuery) (MessagePage, error) {
	r, err := a.roomMessages(http.MethodGet, room)
	if err != nil {
		return MessagePage{}, err
	}
	r.query = q.values()
	return a.page(ctx, r)
}

// SearchMessages searches all rooms that the account is a member of. chatd
// ignores q.From here and answers an empty q.Search by 400
// (docs/wazo.md, "Search messages").
func (a *Account) SearchMessages(ctx context.Context, q MessageQuery) (MessagePage, error) {
	return a.page(ctx, a.allMessages(q.values()))
}

// LatestMessages returns the newest message of each room that the account is a
// member of and that has messages. One request thus tells which rooms have news.
// Its cost grows with all messages of the account
// (docs/wazo.md, "Cost of requests").
func (a *Account) LatestMessages(ctx context.Context) ([]Message, error) {
	page, err := a.page(ctx, a.allMessages(url.Values{"distinct": {"room_uuid"}}))
	return page.Items, err
}

func (a *Account) roomMessages(method string, room UUID) (request, error) {
	id, err := room.inPath()
	return request{
		method: method, service: serviceChatd, path: "/users/me/rooms/" + id + "/messages",
		timeout: a.c.cfg.Timeout,
	}, err
}

func (a *Account) allMessages(query url.Values) request {
	return request{
		method: http.MethodGet, service: serviceChatd, path: "/users/me/rooms/messages",
		query: query, timeout: a.c.cfg.Timeout,
	}
}

func (a *Account) page(ctx context.Context, r request) (MessagePage, error) {
	var answer struct {
		Items    []Message `json:"items"`
		Filtered int       `json:"filtered"`
		Total    int       `json:"total"`
	}
	err := a.call(ctx, r, &answer)
	return MessagePage{Items: answer.Items, Filtered: answer.Filtered, Total: answer.Total}, err
}

func (q MessageQuery) values() url.Values {
	values := url.Values{}
	if !q.From.IsZero() {
		values.Set("from_date", formatTime(q.From))
	}
	if q.Direction != "" {
		values.Set("direction", string(q.Direction))
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Offset > 0 {
		values.Set("offset", strconv.Itoa(q.Offset))
	}
	if q.Search != "" {
		values.Set("search", q.Search)
	}
	return values
}
