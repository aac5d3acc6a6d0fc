package convert

import (
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
)

const (
	// MaxContentBytes is the size of the largest content for chatd, in bytes of its
	// JSON encoding. nginx in front of chatd refuses bodies above 1 MiB
	// (docs/wazo.md, "Redirects and limits of nginx"); the difference is for
	// the alias (256 code points of 12 bytes at most if everything is escaped)
	// and the keys of the request.
	MaxContentBytes = 1<<20 - 8<<10

	// MaxEventBytes is the size of the largest Matrix event that this package makes,
	// in bytes as they are sent to an encrypted room. Homeservers refuse events of
	// more than 65,536 bytes, which include the fields that they add themselves.
	MaxEventBytes = 60_000

	// plainReserve is for what the caller adds to an event's content, which is the
	// relay's own key and a relation, and for the type and room id that encryption
	// adds.
	plainReserve = 1 << 10
	// cipherReserve is for the frame around the ciphertext: session, keys, MAC and
	// signature.
	cipherReserve = 1 << 10
)

// ErrTooLarge says that a message is larger than chatd takes.
var ErrTooLarge = errors.New("message is too large for Wazo")

// ErrEmpty says that a message has nothing that a person could read.
var ErrEmpty = errors.New("message has no readable content")

// CheckSize returns an error wrapping [ErrTooLarge] if content is larger than
// [MaxContentBytes] once encoded. [ToWazo] has checked its own result already. What
// [ContentFormat.Render] makes of that must be checked again.
func CheckSize(content string) error {
	if size := jsonSize(content); size > MaxContentBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, MaxContentBytes)
	}
	return nil
}

// EventSize returns the size in bytes of an event with content c in an encrypted
// room. It includes what the relay adds to the content and what encryption adds to
// the event. An event that is not encrypted is smaller.
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
