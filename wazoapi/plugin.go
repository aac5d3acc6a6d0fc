package wazoapi

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// What the errors of the plugin for reactions and replies mean, for errors.Is
// (docs/wazo.md, "The plugin for reactions and replies").
var (
	// ErrNoPlugin means that the plugin is not there: it is not installed, not
	// enabled, or its tables are missing. Nothing was done. See
	// [Account.HasPlugin].
	ErrNoPlugin = errors.New("Wazo has no plugin for reactions and replies")
	// ErrNotMember means that the account would have to be a member of the room to
	// react or to mark replies there.
	ErrNotMember = errors.New("the Wazo account is not a member of the room")
	// ErrUnknownMessage means that the room has no such message: it was deleted, or
	// is not committed yet (docs/wazo.md, "Event before commit").
	ErrUnknownMessage = errors.New("the Wazo room has no such message")
	// ErrNoReply means that a message replies to no other one.
	ErrNoReply = errors.New("the message is not a reply")
	// ErrOtherReply means that a message is marked as a reply to another message
	// already, which cannot be changed (docs/wazo.md, "Replies").
	ErrOtherReply = errors.New("the message is a reply to another message")
)

// nobodysRoom is a room that nobody has.
const nobodysRoom UUID = "00000000-0000-4000-8000-000000000000"

// PluginScopes returns the rights that an account needs to use the plugin, and to
// hear of what others do with it, in the form that [Account.CheckScopes] takes.
// ROOM and MESSAGE stand for any uuid. All of them are in Wazo's default policy
// (docs/wazo.md, "The plugin for reactions and replies").
func PluginScopes() []string {
	return []string{
		"chatd.users.me.rooms.ROOM.reactions.read",
		"chatd.users.me.rooms.ROOM.messages.MESSAGE.reactions.create",
		"chatd.users.me.rooms.ROOM.messages.MESSAGE.reactions.delete",
		"chatd.users.me.rooms.ROOM.replies.read",
		"chatd.users.me.rooms.ROOM.messages.MESSAGE.reply.create",
		"events.chatd.users.me.rooms.ROOM.messages.MESSAGE.reactions.created",
		"events.chatd.users.me.rooms.ROOM.messages.MESSAGE.reactions.deleted",
		"events.chatd.users.me.rooms.ROOM.messages.MESSAGE.replies.created",
	}
}

// HasPlugin asks whether the plugin for reactions and replies is there, and the
// account may read what it keeps. It takes one request of about 15 ms, whatever the
// number of messages (docs/wazo.md, "How the plugin is noticed"). room is one that
// exists in the account's tenant. Without it, "", the answer is true also for a
// plugin whose tables are missing, which can do nothing.
//
// The answer may change whenever wazo-chatd is restarted, see [PluginHandler]. The
// error is [ErrInvalidUUID], before any request, if room is something else than a
// uuid or "".
func (a *Account) HasPlugin(ctx context.Context, room UUID) (bool, error) {
	if room == "" {
		room = nobodysRoom
	}
	r, err := a.pluginRequest(http.MethodGet, room, "", "/reactions")
	if err != nil {
		return false, err
	}
	err = a.call(ctx, r, nil)
	answer, answered := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNoPlugin):
		a.c.noPlugin.Store(&pluginAnswer{a, a.c.now()})
		return false, nil
	case answered && answer.plugin && answer.MissingPermission():
		return false, nil
	case answered && answer.plugin && answer.Status == http.StatusNotFound:
		return true, nil // it knows no such room
	default:
		return false, err
	}
}

// pluginAnswer is an answer to an account at a time.
type pluginAnswer struct {
	to *Account
	at time.Time
}

// lacksPlugin reports whether Wazo has answered another account a moment ago that it
// has no plugin. A moment is a small part of the time after which it is asked again.
func (a *Account) lacksPlugin() bool {
	answer := a.c.noPlugin.Load()
	return answer != nil && answer.to != a && a.c.now().Sub(answer.at) < a.c.cfg.Stream.PluginInterval/100
}

// pluginRequest returns a request to the plugin, about a message or, if message is
// "", about a room.
func (a *Account) pluginRequest(method string, room, message UUID, path string) (request, error) {
	r := request{method: method, service: serviceChatd, plugin: true, timeout: a.c.cfg.Timeout}
	id, err := room.inPath()
	if err != nil {
		return r, err
	}
	r.path = "/users/me/rooms/" + id
	if message != "" {
		if id, err = message.inPath(); err != nil {
			return r, err
		}
		r.path += "/messages/" + id
	}
	if method != http.MethodGet {
		r.timeout = a.c.cfg.PostTimeout // it takes as long as posting a message
	}
	r.path += path
	return r, nil
}

// isPluginAnswer tells whether an answer on a route of the plugin is that of a
// plugin that works. Without it, the web framework answers 404 in HTML. Without its
// tables, it answers 500 also where nothing is changed
// (docs/wazo.md, "How the plugin is noticed").
func isPluginAnswer(method string, status int, isJSON bool) bool {
	switch status {
	case http.StatusNotFound:
		return isJSON
	case http.StatusInternalServerError:
		return method != http.MethodGet
	default:
		return true
	}
}

// isPluginError tells whether the plugin answered 404 with this error_id.
func (e *Error) isPluginError(id string) bool {
	return e.plugin && e.Status == http.StatusNotFound && e.ID == id
}

// settle returns what became of a change that was answered by 500. That may mean
// that it is stored, that another request did it at the same moment, or that the
// tables of the plugin are missing (docs/wazo.md, "Unknown outcomes of the plugin").
// look reads whether what was wished for is true. Other errors, and those of which
// reading tells nothing, stay as they are.
func settle(err error, look func() (done bool, err error)) error {
	answer, answered := errors.AsType[*Error](err)
	if !answered || !answer.plugin || answer.Status != http.StatusInternalServerError {
		return err
	}
	done, lookErr := look()
	switch {
	case done && lookErr == nil:
		return nil
	case errors.Is(lookErr, ErrNoPlugin), errors.Is(lookErr, ErrOtherReply):
		return lookErr
	default:
		return err
	}
}
