package convert

import (
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
)

const (
	// MaxContentBytes is the largest content for chatd, in bytes of its JSON
	// encoding. nginx in front of chatd refuses bodies above 1 MiB
	// (docs/wazo.md, "Redirects and limits of nginx"); the difference is for
	// the alias (256 code points of 12 bytes at most if everything is escaped)
	// and the keys of the request.
	MaxContentBytes = 1<<20 - 8<<10

	// MaxEventBytes is the largest Matrix event made here, in bytes, as it goes
	// over the wire when encrypted. Homeservers refuse more than 65,536
	// for the whole event, with the fields that they add themselves.
	MaxEventBytes = 60_000

	// plainReserve is what the caller may add to an event's content: our own key
	// and a relation, with the type and room id that encryption adds.
	plainReserve = 1 << 10
	// cipherReserve is the frame around the ciphertext: session, keys, MAC,
	// signature.
	cipherReserve = 1 << 10
)

// ErrTooLarge says that a message is larger than chatd takes.
var ErrTooLarge = errors.New("message is too large for Wazo")

// ErrEmpty says that a message has nothing that a person could read.
var ErrEmpty = errors.New("message has no readable content")

// CheckSize returns an error wrapping [ErrTooLarge] if content is larger than
// [MaxContentBytes] once encoded. [ToWazo] has checked its result already; what
// is made of that afterwards, as by [ContentFormat.Render], wants another look.
func CheckSize(content string) error {
	if size := jsonSize(content); size > MaxContentBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, MaxContentBytes)
	}
	return nil
}

// EventSize is the size of an event with content c in bytes, as sent to an
// encrypted room, including what the relay adds to the content and what
// encryption adds to the event; a plain event is smaller.
func EventSize(c *event.MessageEventContent) int {
	plain := jsonSize(c) + plainReserve
	return (plain+2)/3*4 + cipherReserve
}

// jsonSize is the length of v as encoding/json writes it by default. With its
// escapes for HTML that is longer than any other common encoding.
func jsonSize(v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		// Strings and content structs always encode; if one does not, it must
		// not pass as small.
		return MaxContentBytes + 1
	}
	return len(data)
}
