package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/wazoapi"
)

// Matrix is what the core needs of the Matrix side.
type Matrix interface {
	Rooms
	LoginRecord
	// UserID returns the bot's own user id.
	UserID() id.UserID
	// OwnNames returns the bot's display names, as far as they are known. It does not block.
	OwnNames() []string
	// Send sends an event, encrypted if the room is. The same transaction id may be sent again.
	// Errors of the homeserver and the network are of type *MatrixError.
	Send(ctx context.Context, room id.RoomID, out Outgoing, txnID string) (id.EventID, error)
	// AskAhead asks now what the next Send to a room has to know, so that it has to wait less: whether the room is
	// encrypted. The answer counts for one event, not for long, and not if another event is sent to the room meanwhile.
	// It does not block.
	AskAhead(ctx context.Context, room id.RoomID)
	// SendToSelf sends a message to the bot in a room in which nobody else is. Its event has a Tag of the kind TagProbe
	// with the nonce. Errors of the homeserver and the network are of type *MatrixError.
	SendToSelf(ctx context.Context, nonce string) error
	// React sends a reaction, which is never encrypted. The same transaction id may be sent again. Errors of the
	// homeserver and the network are of type *MatrixError.
	React(ctx context.Context, room id.RoomID, reaction OutgoingReaction, txnID string) (id.EventID, error)
	// FindReaction asks for the bot's reaction to an event by its key. It returns "" if there is none. Errors of the
	// homeserver and the network are of type *MatrixError.
	FindReaction(ctx context.Context, room id.RoomID, target id.EventID, key string) (id.EventID, error)
	// Redact takes back what an event says. It may be done again, and does nothing if there is no such event. Errors of
	// the homeserver and the network wrap a *MatrixError.
	Redact(ctx context.Context, room id.RoomID, eventID id.EventID) error
	// IsLimited reports whether the homeserver limits how much the account sends, now or a moment ago.
	IsLimited() bool
	// UploadPicture fetches the picture at an address that a stranger wrote (https or data), and uploads it for a room,
	// encrypted if that is. Errors of the homeserver and the way to it are of type *MatrixError; all others mean that
	// it can't be shown.
	UploadPicture(ctx context.Context, room id.RoomID, source string) (*Picture, error)
	// UploadText uploads a text file for a room, encrypted if that is. Errors of the homeserver and the way to it are
	// of type *MatrixError.
	UploadText(ctx context.Context, room id.RoomID, text string) (*File, error)
	// MarkRead moves the bot's read receipt, some time soon.
	MarkRead(room id.RoomID, eventID id.EventID)
	// MemberName returns a person's display name in a room, "" if there is none.
	MemberName(ctx context.Context, room id.RoomID, user id.UserID) string
	// Members returns who has joined a room or is invited, as far as that is known.
	Members(ctx context.Context, room id.RoomID) (map[id.UserID]Member, error)
	// RoomName returns a room's name, "" if there is none.
	RoomName(ctx context.Context, room id.RoomID) string
	// SharedRoomName returns the name of the room that a room id or an alias means, or its main alias if it has no
	// name. It returns "" unless both the bot and a person have joined the room, or if the name cannot be had now.
	SharedRoomName(ctx context.Context, room string, user id.UserID) string
	// Backfill reads a timeline backwards. It returns the events newest first and the token for the next page, "" at
	// the end.
	Backfill(ctx context.Context, room id.RoomID, from, to string) (events []Event, next string, err error)
	// Event reads one event of a room, decrypted if its key is there. It returns nil if there is no such event, or none
	// that the bot may see. The event has no SenderName.
	Event(ctx context.Context, room id.RoomID, eventID id.EventID) (*Event, error)
	// Decrypt decrypts an event that was stored encrypted with the keys that are there. It returns ErrNoKey,
	// ErrPartialKey or ErrKeyWithheld if it takes a key that may still come, ErrUndecryptable if no key helps, other
	// errors if that cannot be told now.
	Decrypt(ctx context.Context, evt *event.Event) (*event.Event, error)
	// RequestKey asks the sender of an event for its key. It returns a *MatrixError if the request was not taken.
	RequestKey(ctx context.Context, evt *event.Event) error
	// InboxFilled tells the bot that its inbox holds something of a room.
	InboxFilled(room id.RoomID)
	// NoticesFilled tells the bot that it has something to say in a room, or (room is "") to a person.
	NoticesFilled(room id.RoomID, user id.UserID)
	// Resync returns when an answer of /sync that was asked for after the call is accepted.
	Resync(ctx context.Context) error
}

// Errors of Matrix.Decrypt.
var (
	ErrNoKey         = errors.New("the key of this event is not there")
	ErrPartialKey    = errors.New("the key that is there is for what was said after this event")
	ErrKeyWithheld   = errors.New("the sender's client decided not to share the key of this event")
	ErrUndecryptable = errors.New("this event cannot be decrypted by any key")
)

// IsUnreadable reports whether an error of Matrix.Decrypt is about the event, rather than that it cannot be told now.
func IsUnreadable(err error) bool {
	return errors.Is(err, ErrNoKey) || errors.Is(err, ErrPartialKey) || errors.Is(err, ErrKeyWithheld) || errors.Is(err, ErrUndecryptable)
}

// MatrixError is an error of the homeserver or of the way to it.
type MatrixError struct {
	Status     int           // HTTP status; 0: no answer
	Code       string        // errcode, like M_FORBIDDEN
	RetryAfter time.Duration // how long a 429 asks to wait
	NotSent    bool          // certain: the homeserver has not seen the request
	Err        error
}

// Error implements error.
func (e *MatrixError) Error() string { return fmt.Sprintf("homeserver: %v", e.Err) }

// Unwrap returns the cause.
func (e *MatrixError) Unwrap() error { return e.Err }

// TagKey is our own key in the content of every event that the bot sends, beside the ciphertext in encrypted rooms.
// An event that carries it is never relayed, unless it is a copy: some clients copy the key when a person forwards an
// event (Element Web's "Forward" copies the whole content). The bot finds its own events by it.
const TagKey = "io.wazo.relay"

// Tag is the value of TagKey.
type Tag struct {
	Kind   string         `json:"kind"`             // message, linked, notice, probe, reaction, reactions or edit
	UUID   wazoapi.UUID   `json:"uuid,omitempty"`   // of the Wazo message that the event shows
	Part   int            `json:"part,omitempty"`   // of that message
	Also   []wazoapi.UUID `json:"also,omitempty"`   // of the messages that a merged event shows after that one, in order
	Portal int64          `json:"portal,omitempty"` // that was linked
	Nonce  string         `json:"nonce,omitempty"`  // of a probe
	About  id.EventID     `json:"about,omitempty"`  // the event to whose reactions a notice belongs
	By     id.UserID      `json:"by,omitempty"`     // the bot that has sent the event; empty: an earlier version did
}

// UUIDs returns the Wazo messages that an event shows, in order.
func (t Tag) UUIDs() []wazoapi.UUID { return append([]wazoapi.UUID{t.UUID}, t.Also...) }

// Kinds of tags.
const (
	TagProbe     = "probe"
	TagMessage   = "message"
	TagLinked    = "linked"
	TagNotice    = "notice"
	TagReaction  = "reaction"  // for people on Wazo
	TagReactions = "reactions" // a notice that says who has reacted on Wazo
	TagEdit      = "edit"      // of an event that was sent before
)

// TagOf returns the tag in the clear content of an event of a sender, nil if there is none, or if it was copied from an
// event of somebody else.
func TagOf(content json.RawMessage, sender id.UserID) *Tag {
	var tagged struct {
		Tag *Tag `json:"io.wazo.relay"`
	}
	if err := json.Unmarshal(content, &tagged); err != nil {
		// A tag that cannot be read is still a tag: the event comes from some relay.
		var keys map[string]json.RawMessage
		if json.Unmarshal(content, &keys) == nil && keys[TagKey] != nil {
			return &Tag{}
		}
		return nil
	}
	if tagged.Tag != nil && tagged.Tag.By != "" && tagged.Tag.By != sender {
		return nil
	}
	return tagged.Tag
}

// Outgoing is an event to be sent. Whoever sends it must not change the contents: they belong to the caller.
type Outgoing struct {
	Type    event.Type
	Content *event.MessageEventContent
	// EncryptedFallback is sent in place of Content if the room is encrypted, because Content leads to a file that is
	// not. It is nil if Content may be sent to any room.
	EncryptedFallback *event.MessageEventContent
	// As is a member of the room who has written the message on Wazo. The profile in the contents gets the member's
	// avatar. Empty: it was nobody of the room.
	As  id.UserID
	Tag Tag
	// Check is called when the event is about to be sent, which may be long after Send was called. If it returns an
	// error, the event is not sent, and Send returns the error within a *MatrixError. Nil means that there is nothing
	// to check.
	Check func(ctx context.Context) error
}

// OutgoingReaction is a reaction to be sent.
type OutgoingReaction struct {
	Target id.EventID // what it is for
	Key    string     // the emoji
	// Check is called when the reaction is about to be sent, see [Outgoing].
	Check func(ctx context.Context) error
}

// Event is a timeline event as the bot received it.
type Event struct {
	*event.Event                 // decrypted if its key was there, otherwise still m.room.encrypted
	Tag          *Tag            // our own key, read from the clear content
	ParseError   error           // why the event could not be parsed; then only ID and Raw mean something
	Raw          json.RawMessage // of an event that could not be parsed
	SenderName   *SenderName     // nil if it is not known
	Replaced     bool            // only from Matrix.Event: the content is that of the last edit, and the original cannot be had
}

// RoomSync is what one answer of /sync says about a joined room.
type RoomSync struct {
	Room      id.RoomID
	Events    []Event        // of the timeline, in order
	Access    []*event.Event // of the state before Events: what changes who may enter or read the room
	Power     bool           // the state before Events changes who may speak in the room
	Limited   bool           // something is missing before Events
	PrevBatch string         // where it can be read

	Marker  *RoomMarker    // the bot has just made the room for a conversation; nil: it has not
	Members []MemberChange // in order, of the state and of the timeline
}

// Sync is one answer of /sync, as far as it concerns the relay.
type Sync struct {
	Since     string // "" for the first one ever
	NextBatch string
	Rooms     []RoomSync
	Inbox     []InboxItem // what the bot has to answer besides
}
