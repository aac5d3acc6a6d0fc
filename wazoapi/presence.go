package wazoapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// maxPresences is how many uuids one request for presences names, so that its URL
// stays short (docs/wazo.md, "Presences").
const maxPresences = 30

// ErrUnknownUser means that chatd or wazo-auth knows no such user in the tenant:
// it was deleted, or is of another tenant. For chatd, a service account is none
// either (docs/wazo.md, "Presences"). It is for errors.Is.
var ErrUnknownUser = errors.New("unknown Wazo user")

// PresenceState is what somebody says about being there
// (docs/wazo.md, "Presences").
type PresenceState string

// All states. Unavailable is also the state of those who never set one.
const (
	Available   PresenceState = "available"
	Unavailable PresenceState = "unavailable"
	Invisible   PresenceState = "invisible"
	Away        PresenceState = "away"
)

// LineState is what somebody's telephones do; of several lines, the state that
// comes first in this list (docs/wazo.md, "Presences").
type LineState string

// All states. LineUnavailable is also the state of those without a telephone.
const (
	LineRinging     LineState = "ringing"
	LineProgressing LineState = "progressing" // somebody else's telephone rings
	LineHolding     LineState = "holding"
	LineTalking     LineState = "talking"
	LineAvailable   LineState = "available"
	LineUnavailable LineState = "unavailable"
)

// Presence tells whether somebody can be reached (docs/wazo.md, "Presences").
type Presence struct {
	User         UUID
	State        PresenceState
	Status       string    // free text; "" also when Wazo has null
	LastActivity time.Time // UTC, when the state was last set; zero if never
	DoNotDisturb bool      // a service of the telephone, which only Wazo's apps change
	Line         LineState
	Connected    bool // has a session, as everybody has whom the relay represents
	Mobile       bool // has a session or a refresh token of a mobile app
}

// OnThePhone reports whether the telephone is in use, ringing included.
func (p Presence) OnThePhone() bool {
	switch p.Line {
	case LineRinging, LineProgressing, LineHolding, LineTalking:
		return true
	default:
		return false
	}
}

// UnmarshalJSON reads a presence of chatd. It fails without a uuid, so that
// something else is not taken for somebody's presence.
func (p *Presence) UnmarshalJSON(data []byte) error {
	var raw struct {
		UUID         UUID          `json:"uuid"`
		State        PresenceState `json:"state"`
		Status       string        `json:"status"`
		LastActivity wazoTime      `json:"last_activity"`
		DoNotDisturb bool          `json:"do_not_disturb"`
		LineState    LineState     `json:"line_state"`
		Connected    bool          `json:"connected"`
		Mobile       bool          `json:"mobile"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.UUID == "" {
		return errors.New("presence without uuid")
	}
	*p = Presence{
		User: raw.UUID, State: raw.State, Status: raw.Status, LastActivity: raw.LastActivity.Time,
		DoNotDisturb: raw.DoNotDisturb, Line: raw.LineState, Connected: raw.Connected, Mobile: raw.Mobile,
	}
	return nil
}

// Presence returns the presence of a user of the tenant. The error is
// [ErrUnknownUser] if there is none, and [ErrInvalidUUID], before any request, if
// user is not a uuid. For a while after its start chatd answers 503.
func (a *Account) Presence(ctx context.Context, user UUID) (Presence, error) {
	r, err := a.presenceOf(http.MethodGet, user)
	if err != nil {
		return Presence{}, err
	}
	var presence Presence
	err = a.call(ctx, r, &presence)
	return presence, err
}

// Presences returns the presences of users, asking for 30 at a time. Who has none,
// see [ErrUnknownUser], is absent from the result, as is what is not a uuid.
func (a *Account) Presences(ctx context.Context, users ...UUID) (map[UUID]Presence, error) {
	users = slices.Clone(users)
	slices.Sort(users)
	users = slices.DeleteFunc(slices.Compact(users), func(u UUID) bool { return !u.Valid() })
	found := make(map[UUID]Presence, len(users))
	for batch := range slices.Chunk(users, maxPresences) {
		var answer struct {
			Items []Presence `json:"items"`
		}
		err := a.call(ctx, request{
			method: http.MethodGet, service: serviceChatd, path: "/users/presences",
			query: url.Values{"user_uuid": {joinUUIDs(batch)}}, timeout: a.c.cfg.Timeout,
		}, &answer)
		if err != nil {
			return nil, err
		}
		for _, presence := range answer.Items {
			found[presence.User] = presence
		}
	}
	return found, nil
}

// SetPresence sets the account's own presence, which the tenant is told. A nil
// status keeps the text as it is, and an empty one removes it. The text is cleaned
// as by [Clean]. An unknown state is answered by 400, and a service account has no
// presence: [ErrUnknownUser].
func (a *Account) SetPresence(ctx context.Context, state PresenceState, status *string) error {
	token, err := a.Token(ctx)
	if err != nil {
		return err
	}
	r, err := a.presenceOf(http.MethodPut, token.UserUUID) // there is no route with "me"
	if err != nil {
		return err
	}
	body := map[string]any{"state": state}
	if status != nil {
		body["status"] = nil
		if text := Clean(*status); text != "" {
			body["status"] = text
		}
	}
	r.body = body
	return a.call(ctx, r, nil)
}

func (a *Account) presenceOf(method string, user UUID) (request, error) {
	path, err := user.inPath()
	return request{
		method: method, service: serviceChatd, path: "/users/" + path + "/presences", timeout: a.c.cfg.Timeout,
	}, err
}
