package words

import (
	"slices"
	"strings"
	"time"
)

// Status is what the status command shows.
type Status struct {
	Version                       string
	Uptime                        time.Duration
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
	line := func(name, text string) { b.WriteString("- " + t.say("%s: %s", name, text) + "\n") }
	if s.Title == "" {
		b.WriteString(t.NotLinked() + "\n\n")
	} else if s.LinkedBy == "" {
		b.WriteString(t.say("This is the Wazo chat **%s** (`%s`), which has opened by itself.", Escape(s.Title), s.WazoRoom) + "\n\n")
	} else {
		b.WriteString(t.say("Linked with **%s** (`%s`) by `%s`.", Escape(s.Title), s.WazoRoom, s.LinkedBy) + "\n\n")
	}
	line("Matrix", t.list(t.well(s.MatrixTrouble), t.lastAnswer(s), t.encryption(s)))
	if s.Limited {
		line(t.say("limit"), t.say("the homeserver limits how fast I may send, so I put waiting messages together into one. Its administrator can lift the limit for my account (Synapse: `override_ratelimit`)."))
	}
	if s.LogIn != nil {
		line(t.say("my log-in"), t.matrixLogIn(s.LogIn))
	}
	line(t.say("my device"), t.device(s.Device))
	line(t.say("key backup"), t.keyBackup(s.KeyBackup))
	line("Wazo", t.list(t.well(s.WazoTrouble), t.wazoAccount(s)))
	for _, why := range slices.Concat(s.RelayTrouble, s.MatrixTrouble, s.WazoTrouble) {
		line(t.say("problem"), why)
	}
	if s.Title != "" {
		line(t.say("history"), t.history(s))
		line(t.say("queue"), t.say("%d to Wazo, %d to Matrix", s.ToWazo, s.ToMatrix))
		for _, q := range []struct {
			name  string
			waits Standstill
		}{{t.say("to Wazo"), s.WaitsToWazo}, {t.say("to Matrix"), s.WaitsToMatrix}} {
			if q.waits.For != WaitNothing {
				line(q.name, t.say("for %s, waiting for %s", t.lasting(q.waits.Time), t.wait(q.waits.For)))
			}
		}
		if s.Waiting > 0 {
			line(t.say("waiting for a key"), t.say("%d", s.Waiting))
		}
		line(t.say("parked"), t.parked(s.Parked))
		for _, why := range s.Paused {
			line(t.say("paused"), t.Why(why))
		}
		if s.LastError != "" {
			line(t.say("last error"), Escape(s.LastError))
		}
	}
	line(t.say("relay"), t.say("version %s, running for %s", s.Version, t.lasting(s.Uptime)))
	return b.String()
}

// history says whether the history was read, and through whose account.
func (t Texts) history(s Status) string {
	state := t.say("still being read")
	if s.WazoVerified {
		state = t.say("complete")
	}
	if s.Reader == "" {
		return state
	}
	return t.say("%s; the chat is read through the Wazo account of `%s`", state, s.Reader)
}

func (t Texts) wazoAccount(s Status) string {
	switch {
	case s.WazoUser != "":
		return t.say("account %s", s.WazoUser)
	case s.WazoNote != "":
		return s.WazoNote
	default:
		return t.say("the relay has no account of its own")
	}
}

func (t Texts) lastAnswer(s Status) string {
	if s.LastSync == 0 {
		return t.say("the homeserver has not answered yet")
	}
	return t.say("the homeserver last answered %s ago", t.lasting(s.LastSync))
}

func (t Texts) encryption(s Status) string {
	switch {
	case s.CannotTellRoom:
		return t.say("I cannot tell whether this room is encrypted")
	case s.EncryptedRoom:
		return t.say("this room is encrypted")
	default:
		return t.say("this room is not encrypted")
	}
}

// well says whether a side has troubles.
func (t Texts) well(troubles []string) string {
	if len(troubles) == 0 {
		return t.say("works")
	}
	return t.say("**has a problem**")
}

// parked says how many messages could not be delivered, and what to do with them.
func (t Texts) parked(n int) string {
	if n == 0 {
		return t.say("%d", n)
	}
	return t.say("%[1]d. Type `%[2]s retry` to try to deliver them again, or `%[2]s drop` to drop them.", n, t.prefix)
}

// StatusOnWazo is what the status command shows on Wazo.
type StatusOnWazo struct {
	Status
	MatrixRoom string // its name, "" if it has none
}

// StatusOnWazo shows a status on Wazo, to all members of the chat. It is plain text.
func (t Texts) StatusOnWazo(s StatusOnWazo) string {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	if s.MatrixRoom == "" {
		line(t.say("This chat is linked with a Matrix room."))
	} else {
		line(t.say("This chat is linked with the Matrix room \"%s\".", s.MatrixRoom))
	}
	line(t.say("Matrix: %s", t.lastAnswer(s.Status)))
	for _, why := range slices.Concat(s.RelayTrouble, s.MatrixTrouble, s.WazoTrouble) {
		line(t.say("Problem: %s", why))
	}
	line(t.count(s.ToMatrix, "Waiting: %d message to Matrix, %d from Matrix", "Waiting: %d messages to Matrix, %d from Matrix", s.ToWazo+s.Waiting))
	if s.Parked > 0 {
		line(t.count(s.Parked, "Could not be delivered: %d message", "Could not be delivered: %d messages"))
	}
	for _, why := range s.Paused {
		line(t.say("Paused: %s", t.whyOnWazo(why)))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
