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

// ProblemBegun tells administrators that something has been wrong for a while.
func (t Texts) ProblemBegun(part Part, why string) string {
	begun := t.say("There is a problem with the relay itself: %s", why)
	switch part {
	case PartMatrix:
		begun = t.say("There is a problem with Matrix: %s", why)
	case PartWazo:
		begun = t.say("There is a problem with Wazo: %s", why)
	}
	return t.say("%s I will tell you when it is over. Type `%s status all` to see which rooms have problems.", begun, t.prefix)
}

// ProblemOver tells administrators that a problem is over, and how long it lasted.
func (t Texts) ProblemOver(part Part, why string, lasted time.Duration) string {
	over := t.say("The problem with the relay itself is over.")
	switch part {
	case PartMatrix:
		over = t.say("The problem with Matrix is over.")
	case PartWazo:
		over = t.say("The problem with Wazo is over.")
	}
	return t.say("%s It lasted for %s. It was: %s", over, t.lasting(lasted), why)
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
		return t.say("No linked room has a problem.")
	}
	var b strings.Builder
	switch {
	case all > len(worst):
		b.WriteString(t.say("%d linked rooms have problems. These are the worst:", all))
	default:
		b.WriteString(t.count(all, "%d linked room has a problem:", "%d linked rooms have problems:"))
	}
	b.WriteString("\n\n")
	for i, p := range worst {
		room := fmt.Sprintf("**%s** (`%s`)", Escape(p.Title), p.MatrixRoom)
		fmt.Fprintf(&b, "%d. %s\n", i+1, t.say("%s: %s", room, t.list(t.troubles(p)...)))
	}
	return b.String()
}

func (t Texts) troubles(p TroubledPortal) (list []string) {
	for _, why := range p.Paused {
		list = append(list, t.say("paused, because %s", strings.TrimSuffix(t.Why(why), ".")))
	}
	if p.Waiting > 0 {
		list = append(list, t.count(p.Waiting, "%d waiting, for %s", "%d waiting, the oldest for %s", t.lasting(p.Oldest)))
	}
	if p.Parked > 0 {
		list = append(list, t.count(p.Parked, "%d parked", "%d parked"))
	}
	if p.WithoutKey > 0 {
		list = append(list, t.count(p.WithoutKey, "%d waiting for a key", "%d waiting for a key"))
	}
	return list
}

// StatusUsage explains the command.
func (t Texts) StatusUsage() string {
	return t.say("Type `%[1]s status` to see how this room is. Administrators of the relay type `%[1]s status all` to see which rooms have problems.", t.prefix)
}
