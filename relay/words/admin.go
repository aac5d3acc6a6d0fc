package words

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Part is what a problem concerns that concerns no single room.
type Part string

// The parts.
const (
	PartMatrix Part = "matrix"
	PartWazo   Part = "wazo"
	PartRelay  Part = "relay"
)

// Parts returns all parts.
func Parts() []Part { return []Part{PartRelay, PartMatrix, PartWazo} }

func (p Part) name() string {
	switch p {
	case PartMatrix:
		return "Matrix"
	case PartWazo:
		return "Wazo"
	default:
		return "the relay itself"
	}
}

// ProblemBegun tells administrators that something has been wrong for a while.
func (t Texts) ProblemBegun(part Part, why string) string {
	return fmt.Sprintf("There is a problem with %s: %s I will tell you when it is over. Type `%s status all` to see which rooms have problems.", part.name(), why, t.prefix)
}

// ProblemOver tells administrators that a problem is over, and how long it lasted.
func (t Texts) ProblemOver(part Part, why string, lasted time.Duration) string {
	return fmt.Sprintf("The problem with %s is over. It lasted for %s. It was: %s", part.name(), roundedDown(lasted), why)
}

// TroubledPortal is a linked room in which something is wrong.
type TroubledPortal struct {
	Title, MatrixRoom string
	Paused            []Why
	Waiting           int           // messages that wait to be delivered
	Oldest            time.Duration // how long the oldest of them has waited
	Parked            int           // messages that could not be delivered
	WithoutKey        int           // messages whose keys are missing
}

// Compare orders the room with the greater trouble first.
func (p TroubledPortal) Compare(other TroubledPortal) int {
	return cmp.Or(
		cmp.Compare(min(len(other.Paused), 1), min(len(p.Paused), 1)),
		cmp.Compare(other.Oldest, p.Oldest),
		cmp.Compare(other.Parked, p.Parked),
		cmp.Compare(other.WithoutKey, p.WithoutKey),
	)
}

// WorstPortals lists the rooms with the greatest troubles, of all that have any.
func (t Texts) WorstPortals(worst []TroubledPortal, all int) string {
	if all == 0 {
		return "No linked room has a problem."
	}
	var b strings.Builder
	switch {
	case all == 1:
		b.WriteString("One linked room has a problem:\n\n")
	case all > len(worst):
		fmt.Fprintf(&b, "%d linked rooms have problems. These are the worst:\n\n", all)
	default:
		fmt.Fprintf(&b, "%d linked rooms have problems:\n\n", all)
	}
	for i, p := range worst {
		fmt.Fprintf(&b, "%d. **%s** (`%s`): %s\n", i+1, Escape(p.Title), p.MatrixRoom, strings.Join(t.troubles(p), "; "))
	}
	return b.String()
}

func (t Texts) troubles(p TroubledPortal) (list []string) {
	for _, why := range p.Paused {
		list = append(list, "paused, because "+strings.TrimSuffix(t.Why(why), "."))
	}
	if p.Waiting > 0 {
		list = append(list, fmt.Sprintf("%d waiting, the oldest for %s", p.Waiting, roundedDown(p.Oldest)))
	}
	if p.Parked > 0 {
		list = append(list, fmt.Sprintf("%d parked", p.Parked))
	}
	if p.WithoutKey > 0 {
		list = append(list, fmt.Sprintf("%d waiting for a key", p.WithoutKey))
	}
	return list
}

// StatusUsage explains the command.
func (t Texts) StatusUsage() string {
	return fmt.Sprintf("Type `%[1]s status` to see how this room is. Administrators of the relay type `%[1]s status all` to see which rooms have problems.", t.prefix)
}
