package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

var errNoUUID = errors.New("unreadable answer: it has no uuid")

// PostMessage posts a message in a room of the account's tenant, of which the
// account need not be a member (docs/wazo.md, "Post messages"). It repeats the
// request only after a 401 for an invalid token: then nothing was stored. The
// draft is sent as it is; see [Clean]. After an error, [OutcomeUnknown] tells
// whether the message may be stored.
func (a *Account) PostMessage(ctx context.Context, room UUID, d Draft) (Message, error) {
	r, err := a.roomMessages(http.MethodPost, room)
	if err != nil {
		return Message{}, err
	}
	r.timeout = a.c.cfg.PostTimeout
	r.body = struct {
		Content string `json:"content"`
		Alias   string `json:"alias,omitempty"`
	}{d.Content, d.Alias}
	var message Message
	if err = a.call(ctx, r, &message); err != nil {
		return Message{}, err
	}
	return message, nil
}

// Messages reads the history of a room that the account is a member of. Ask
// with some overlap: created_at is set before the commit
// (docs/wazo.md, "created_at precedes the commit").
func (a *Account) Messages(ctx context.Context, room UUID, q MessageQuery) (MessagePage, error) {
	r, err := a.roomMessages(http.MethodGet, room)
	if err != nil {
		return MessagePage{}, err
	}
	r.query = q.values()
	return a.page(ctx, r)
}

// SearchMessages searches all rooms of the account. chatd ignores q.From here
// and refuses an empty q.Search (docs/wazo.md, "Search messages").
func (a *Account) SearchMessages(ctx context.Context, q MessageQuery) (MessagePage, error) {
	return a.page(ctx, a.allMessages(q.values()))
}

// LatestMessages returns the newest message of each room of the account: the
// cheap probe for news. Its cost grows with all messages of the account
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
