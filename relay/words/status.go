package words

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is what the status command shows.
type Status struct {
	Version, Uptime               string
	Title, WazoRoom               string   // of the portal; "" if the room has none
	MatrixTrouble, WazoTrouble    []string // why a side is not well; none if it is
	RelayTrouble                  []string // what is wrong with the relay itself
	WazoVerified                  bool
	Reader                        string // the Matrix user whose Wazo account reads the chat; "" if it is the relay's, or none
	ToWazo, ToMatrix              int    // messages in the queues
	WaitsToWazo, WaitsToMatrix    Standstill
	Waiting                       int // messages whose keys are missing
	Parked                        int // messages that could not be delivered
	Paused                        []Why
	LastError                     string
	LinkedBy                      string        // "": the room opened by itself
	LastSync                      time.Duration // since the homeserver last answered /sync; 0: it has not since the start
	WazoUser                      string        // the relay account; "" if there is none
	WazoNote                      string        // "" if there is nothing to note
	Limited                       bool          // the homeserver limits how fast the bot may send
	EncryptedRoom, CannotTellRoom bool          // CannotTellRoom: it is unknown whether the room is encrypted
	LogIn                         *MatrixLogIn  // the bot's, for administrators; nil: it is not shown
	Device                        Device        // the bot's
	KeyBackup                     KeyBackup
}

// Status shows a status as Markdown.
func (t Texts) Status(s Status) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "- %s: %s\n", name, fmt.Sprintf(format, args...))
	}
	if s.Title == "" {
		b.WriteString(t.NotLinked() + "\n\n")
	} else if s.LinkedBy == "" {
		fmt.Fprintf(&b, "This is the Wazo chat **%s** (`%s`), which has opened by itself.\n\n", Escape(s.Title), s.WazoRoom)
	} else {
		fmt.Fprintf(&b, "Linked with **%s** (`%s`) by `%s`.\n\n", Escape(s.Title), s.WazoRoom, s.LinkedBy)
	}
	line("Matrix", "%s; %s; %s", well(s.MatrixTrouble), s.lastAnswer(), s.encryption())
	if s.Limited {
		line("limit", "the homeserver limits how fast I may send, so I show messages that wait together. Its administrator can lift the limit for my account (Synapse: `override_ratelimit`).")
	}
	if s.LogIn != nil {
		line("my log-in", "%s", s.LogIn.render())
	}
	line("my device", "%s", s.Device.render())
	line("key backup", "%s", s.KeyBackup.render())
	line("Wazo", "%s; %s", well(s.WazoTrouble), s.wazoAccount())
	for _, why := range slices.Concat(s.RelayTrouble, s.MatrixTrouble, s.WazoTrouble) {
		line("problem", "%s", why)
	}
	if s.Title != "" {
		line("history", "%s%s", choose(s.WazoVerified, "complete", "still being read"), s.readBy())
		line("queue", "%d to Wazo, %d to Matrix", s.ToWazo, s.ToMatrix)
		for _, q := range []struct {
			name  string
			waits Standstill
		}{{"to Wazo", s.WaitsToWazo}, {"to Matrix", s.WaitsToMatrix}} {
			if q.waits.For != WaitNothing {
				line(q.name, "for %s, waiting for %s", q.waits.Time.Round(time.Second), t.wait(q.waits.For))
			}
		}
		if s.Waiting > 0 {
			line("waiting for a key", "%d", s.Waiting)
		}
		line("parked", "%d%s", s.Parked, t.parkedAdvice(s.Parked))
		for _, why := range s.Paused {
			line("paused", "%s", t.Why(why))
		}
		if s.LastError != "" {
			line("last error", "%s", Escape(s.LastError))
		}
	}
	line("relay", "version %s, running for %s", s.Version, s.Uptime)
	return b.String()
}

func (s Status) readBy() string {
	if s.Reader == "" {
		return ""
	}
	return fmt.Sprintf("; the chat is read through the Wazo account of `%s`", s.Reader)
}

func (s Status) wazoAccount() string {
	switch {
	case s.WazoUser != "":
		return "account " + s.WazoUser
	case s.WazoNote != "":
		return s.WazoNote
	default:
		return "the relay has no account of its own"
	}
}

func (s Status) lastAnswer() string {
	if s.LastSync == 0 {
		return "the homeserver has not answered yet"
	}
	return fmt.Sprintf("the homeserver last answered %s ago", s.LastSync.Round(time.Second))
}

func (s Status) encryption() string {
	switch {
	case s.CannotTellRoom:
		return "I cannot tell whether this room is encrypted"
	case s.EncryptedRoom:
		return "this room is encrypted"
	default:
		return "this room is not encrypted"
	}
}

// well says whether a side has troubles.
func well(troubles []string) string { return choose(len(troubles) == 0, "works", "**has a problem**") }

// parkedAdvice says what to do with the messages that could not be delivered.
func (t Texts) parkedAdvice(parked int) string {
	if parked == 0 {
		return ""
	}
	return fmt.Sprintf(". Type `%[1]s retry` to try to deliver them again, or `%[1]s drop` to drop them.", t.prefix)
}

// StatusOnWazo is what the status command shows on Wazo.
type StatusOnWazo struct {
	Status
	MatrixRoom string // its name, "" if it has none
}

// StatusOnWazo shows a status on Wazo, to all members of the chat. It is plain text.
func (t Texts) StatusOnWazo(s StatusOnWazo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This chat is linked with %s.\n", matrixRoomNamed(s.MatrixRoom))
	fmt.Fprintf(&b, "Matrix: %s\n", s.lastAnswer())
	for _, why := range slices.Concat(s.RelayTrouble, s.MatrixTrouble, s.WazoTrouble) {
		fmt.Fprintf(&b, "Problem: %s\n", why)
	}
	fmt.Fprintf(&b, "Waiting: %s to Matrix, %d from Matrix\n", count(s.ToMatrix, "message"), s.ToWazo+s.Waiting)
	if s.Parked > 0 {
		fmt.Fprintf(&b, "Could not be delivered: %s\n", count(s.Parked, "message"))
	}
	for _, why := range s.Paused {
		fmt.Fprintf(&b, "Paused: %s\n", t.whyOnWazo(why))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
