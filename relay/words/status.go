package words

import (
	"fmt"
	"strings"
	"time"
)

// Status is what the status command shows.
type Status struct {
	Version, Uptime               string
	Title, WazoRoom               string // of the portal; "" if the room has none
	Reader, Poster                string
	WazoConnected, WazoVerified   bool
	ToWazo, ToMatrix              int // waiting to be delivered
	Waiting                       int // for a key
	Parked                        int
	Paused                        []string
	LastError, LinkedBy           string
	LastSync                      time.Duration // since the last answer of /sync
	WazoUser                      string
	EncryptedRoom, CannotTellRoom bool
	Device                        Device // the bot's
}

// Render shows a status as Markdown.
func (s Status) Render(prefix string) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "- %s: %s\n", name, fmt.Sprintf(format, args...))
	}
	if s.Title == "" {
		b.WriteString(NotLinked(prefix) + "\n\n")
	} else {
		fmt.Fprintf(&b, "Linked with **%s** (`%s`) by `%s`.\n\n", Escape(s.Title), s.WazoRoom, s.LinkedBy)
		line("reader", "%s", s.Reader)
		line("poster", "%s", s.Poster)
	}
	line("Matrix", "last answer %s ago, room %s", s.LastSync.Round(time.Second), s.encryption())
	line("my device", "%s", s.Device.render())
	line("Wazo", "%s, %s", choose(s.WazoConnected, "connected", "**not connected**"), s.WazoUser)
	if s.Title != "" {
		line("history", "%s", choose(s.WazoVerified, "complete", "being read"))
		line("queue", "%d to Wazo, %d to Matrix", s.ToWazo, s.ToMatrix)
		if s.Waiting > 0 {
			line("waiting for a key", "%d", s.Waiting)
		}
		line("parked", "%d", s.Parked)
		for _, why := range s.Paused {
			line("paused", "%s", why)
		}
		if s.LastError != "" {
			line("last error", "%s", Escape(s.LastError))
		}
	}
	line("relay", "%s, running for %s", s.Version, s.Uptime)
	return b.String()
}

func (s Status) encryption() string {
	switch {
	case s.CannotTellRoom:
		return "encryption unknown"
	case s.EncryptedRoom:
		return "encrypted"
	default:
		return "not encrypted"
	}
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
