package login

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/command"
)

// Chat is what dialogues need of the chat.
type Chat interface {
	// Say says something in a room.
	Say(ctx context.Context, room id.RoomID, markdown string, replyTo id.EventID) error
	// Go does something that takes long. The context ends when the bot stops.
	Go(do func(ctx context.Context))
	// IsCommand reports whether an event is a command to the bot.
	IsCommand(evt *event.Event) bool
}

// grace is how long after its end a dialogue still takes what the person says, because it may be the password.
const grace = 10 * time.Minute

// clockSkew is how far the clocks of homeservers may differ from this one for the times of events to be of use.
const clockSkew = time.Hour

// Words that people write instead of a password or a name.
const (
	cancelWord = "cancel" // ends the dialogue
	nameWord   = "name"   // goes back from the password to the name
)

// step is what a dialogue waits for.
type step int

const (
	askedName step = iota
	askedPassword
	trying // what the person says now is of no use
	over   // what the person says is only taken
)

// dialogue asks one person in their direct chat.
type dialogue struct {
	room     id.RoomID
	endsAt   time.Time
	step     step
	username string
	domain   string
	tries    int
}

// Dialogues ask people in a chat. Make them with Logins.Dialogues.
//
// What people answer never reaches the core or the database: Take takes it out of what was received. The database only
// knows who is being asked where, so that a bot that was restarted in between takes the next answer, too.
type Dialogues struct {
	*Logins
	db   *db.Database
	chat Chat

	mu      sync.Mutex
	started time.Time // an earlier process may have asked before
	open    map[id.UserID]*dialogue
	taken   map[id.EventID]time.Time // the same event may be received again, if it could not be accepted
}

// Dialogues returns the dialogues of a chat.
func (l *Logins) Dialogues(database *db.Database, chat Chat) *Dialogues {
	return &Dialogues{Logins: l, db: database, chat: chat, started: l.now(), open: make(map[id.UserID]*dialogue), taken: make(map[id.EventID]time.Time)}
}

// Begin asks a person in a room, in which nobody else may be. It ends an earlier dialogue with the person.
func (d *Dialogues) Begin(ctx context.Context, user id.UserID, room id.RoomID) error {
	begun := &dialogue{room: room, endsAt: d.now().Add(Life)}
	err := d.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := d.db.LoginDialogue.Open(ctx, user, room, jsontime.UM(begun.endsAt.Add(grace))); err != nil {
			return err
		}
		return d.chat.Say(ctx, room, d.texts.LoginAskName(), "")
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[user] = begun
	return nil
}

// End ends all dialogues in a room without a word.
func (d *Dialogues) End(ctx context.Context, room id.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for user, dialogue := range d.open {
		if dialogue.room == room {
			d.close(ctx, user)
		}
	}
}

// Take takes an event if it is an answer in a dialogue. It reports whether it did. Then nobody else may use or keep the
// event, and the caller has it removed from the room. It overwrites what it can of it.
func (d *Dialogues) Take(ctx context.Context, evt *event.Event) bool {
	if evt.Type.Type != event.EventMessage.Type || evt.StateKey != nil || len(evt.Content.Raw) == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.taken[evt.ID]; ok {
		return true
	} else if !d.isAsked(ctx, evt) || d.chat.IsCommand(evt) {
		return false
	}
	maps.DeleteFunc(d.taken, func(_ id.EventID, at time.Time) bool { return d.now().Sub(at) > time.Hour })
	d.taken[evt.ID] = d.now()
	if say := d.answer(ctx, evt); say != "" {
		d.say(ctx, evt.RoomID, say)
	}
	clear(evt.Content.VeryRaw)
	clear(evt.Content.Raw)
	evt.Content = event.Content{}
	return true
}

// isAsked reports whether the sender of an event is, or was, being asked in its room when they wrote it. The lock must
// be held.
func (d *Dialogues) isAsked(ctx context.Context, evt *event.Event) bool {
	if open := d.open[evt.Sender]; open != nil {
		return open.room == evt.RoomID && d.isWrittenBy(evt, open.endsAt.Add(grace))
	} else if late := d.started.Add(Life + grace); d.now().After(late) && time.UnixMilli(evt.Timestamp).After(late) {
		return false
	}
	endsAt, err := d.db.LoginDialogue.EndsAt(ctx, evt.Sender, evt.RoomID)
	if err != nil {
		d.log.Err(err).Msg("Failed to look up a log-in dialogue")
	}
	return err == nil && !endsAt.IsZero() && d.isWrittenBy(evt, endsAt.Time)
}

// isWrittenBy reports whether an event was written before a time at which a dialogue ends. It may be received much
// later, if the bot or the homeserver was away.
func (d *Dialogues) isWrittenBy(evt *event.Event, end time.Time) bool {
	at := d.now()
	written, begun := time.UnixMilli(evt.Timestamp), end.Add(-Life-grace)
	if written.Before(at) && written.After(begun.Add(-clockSkew)) {
		at = written
	}
	return !at.After(end)
}

// answer goes on with a dialogue by what a person said, and returns what to say. The lock must be held.
func (d *Dialogues) answer(ctx context.Context, evt *event.Event) (say string) {
	user, open := evt.Sender, d.open[evt.Sender]
	content := &event.MessageEventContent{}
	err := json.Unmarshal(evt.Content.VeryRaw, content)
	content.RemoveReplyFallback()
	switch {
	case open == nil:
		return d.texts.LoginRestarted()
	case !evt.Mautrix.WasEncrypted:
		open.step = over
		return d.texts.LoginSentInClear()
	case open.step == over && !isWord(content, cancelWord):
		return d.texts.LoginNotUsed()
	case d.now().After(open.endsAt):
		open.step = over
		return d.texts.LoginTooLate()
	case command.Replaces(evt.Content.Raw) != "" || content.NewContent != nil:
		return d.texts.LoginEdited()
	case err != nil || content.MsgType != event.MsgText || content.Body == "":
		return d.texts.LoginNotText()
	case open.step == trying:
		return d.texts.LoginTrying()
	case isWord(content, cancelWord):
		d.close(ctx, user)
		return d.texts.LoginCancelled()
	case open.step == askedPassword && isWord(content, nameWord):
		open.step, open.username, open.domain = askedName, "", ""
		return d.texts.LoginAskName()
	case open.step == askedName:
		name, domain, _ := strings.Cut(content.Body, ",")
		open.username, open.domain, open.step = strings.TrimSpace(name), strings.TrimSpace(domain), askedPassword
		return d.texts.LoginAskPassword() // without the name: it may be a password that was sent too early
	}
	open.step = trying
	open.tries++
	request := relay.LogInRequest{Username: open.username, Password: []byte(content.Body), Domain: open.domain}
	d.chat.Go(func(ctx context.Context) { d.try(ctx, user, open, request) })
	return ""
}

// try tries to log a person in, and goes on with the dialogue. Nothing need be said of a success: the core says so.
func (d *Dialogues) try(ctx context.Context, user id.UserID, open *dialogue, request relay.LogInRequest) {
	_, failed := d.attempt(ctx, user, "", request)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[user] != open || errors.Is(ctx.Err(), context.Canceled) {
		return // it was begun again, or the bot stops
	}
	switch {
	case failed == nil:
		d.close(ctx, user)
	case open.step == over: // meanwhile
	case failed.final:
		open.step = over
		d.say(ctx, open.room, failed.words)
	case open.tries >= maxTries:
		open.step = over
		d.say(ctx, open.room, failed.words+"\n\n"+d.texts.LoginDialogueOver())
	default:
		open.step = askedPassword // many send only the password again
		d.say(ctx, open.room, failed.words+"\n\n"+d.texts.LoginAskPassword())
	}
}

// isWord reports whether a person said only one word.
func isWord(content *event.MessageEventContent, word string) bool {
	return strings.EqualFold(strings.TrimSpace(content.Body), word)
}

// close ends the dialogue with a person: what they say is no longer taken. The lock must be held.
func (d *Dialogues) close(ctx context.Context, user id.UserID) {
	delete(d.open, user)
	if err := d.db.LoginDialogue.Close(ctx, user); err != nil {
		d.log.Err(err).Msg("Failed to store that a log-in dialogue has ended")
	}
}

func (d *Dialogues) say(ctx context.Context, room id.RoomID, markdown string) {
	if err := d.chat.Say(ctx, room, markdown, ""); err != nil {
		d.log.Err(err).Stringer("room_id", room).Msg("Failed to go on with a log-in dialogue")
	}
}
