package wazoapi

import (
	"errors"
	"fmt"
	"strings"
)

// UUID is a uuid as Wazo writes it, always in lower case. The zero value
// means "none".
type UUID string

// ErrInvalidUUID is returned, before any request is made, for a uuid that
// cannot be part of a path.
var ErrInvalidUUID = errors.New("not a UUID")

// NewUUID returns s as a UUID: trimmed and in lower case. It does not check
// the form; see [UUID.Valid].
func NewUUID(s string) UUID {
	return UUID(strings.ToLower(strings.TrimSpace(s)))
}

// Valid reports whether u has the form 8-4-4-4-12 of lower-case hexadecimal
// digits.
func (u UUID) Valid() bool {
	if len(u) != 36 {
		return false
	}
	for i := range len(u) {
		switch i {
		case 8, 13, 18, 23:
			if u[i] != '-' {
				return false
			}
		default:
			if !isLowerHex(u[i]) {
				return false
			}
		}
	}
	return true
}

func isLowerHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f'
}

// String returns the uuid as text.
func (u UUID) String() string { return string(u) }

// UnmarshalText lowers the case, so that uuids can be compared.
func (u *UUID) UnmarshalText(text []byte) error {
	*u = NewUUID(string(text))
	return nil
}

// inPath returns u as a path element. What isn't a uuid gets an error instead
// of a request, because "..", for example, would be another path.
func (u UUID) inPath() (string, error) {
	if !u.Valid() {
		return "", fmt.Errorf("%w: %q", ErrInvalidUUID, string(u))
	}
	return string(u), nil
}

func joinUUIDs(uuids []UUID) string {
	parts := make([]string, len(uuids))
	for i, u := range uuids {
		parts[i] = string(u)
	}
	return strings.Join(parts, ",")
}
