package words

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var txt = New("!wazo")

func TestLateMessageTellsWhenItWasWritten(t *testing.T) {
	written := time.Date(2026, 11, 21, 14, 3, 59, 0, time.UTC)
	for _, test := range []struct {
		name string
		zone *time.Location
		want string
	}{
		{name: "UTC", zone: time.UTC, want: "⏳ late, written 2026-11-21 14:03 UTC:"},
		{name: "a zone with a name", zone: time.FixedZone("CET", 3600), want: "⏳ late, written 2026-11-21 15:03 CET:"},
		{name: "a zone without one", zone: time.FixedZone("", -3*3600), want: "⏳ late, written 2026-11-21 11:03 -0300:"},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, txt.Late(written.In(test.zone))) })
	}
}

func TestPeriodsAreToldInDays(t *testing.T) {
	assert.Contains(t, txt.KeyNeverCame(7*24*time.Hour), "within 7 days")
	assert.Contains(t, txt.KeyNeverCame(36*time.Hour), "within 36h0m0s")
}

func TestReasonsWithoutMessageSpeakOfNone(t *testing.T) {
	for _, r := range withoutMessage(messageReasons(), pauseReasons(), senderReasons()) {
		assert.NotContains(t, r.text, "the message", r.name)
	}
}

func TestLastErrorDoesNotAskToSendAMessageAgain(t *testing.T) {
	for _, r := range join(messageReasons(), pauseReasons(), senderReasons()) {
		assert.NotContains(t, txt.LastError(time.Now(), r.why), "send it again", r.name)
	}
}

func TestUnescapeShowsWhatWasEscaped(t *testing.T) {
	const name = "\\ *a* _b_ `c` [d] <e> #f ~g |h"
	assert.Equal(t, "I unlinked **"+name+"**, `a\\*b`.", Unescape("I unlinked **"+Escape(name)+"**, `a\\*b`."))
	for _, text := range []string{txt.Linked("Sales_EU"), txt.Status(Status{Title: "Sales_EU [x]"})} {
		assert.NotContains(t, Unescape(text), `\\`)
	}
}

func TestStatusTellsWhatWaitsForAKeyOnlyIfSomethingDoes(t *testing.T) {
	status := Status{Title: "Project"}
	assert.NotContains(t, txt.Status(status), "waiting for a key")
	status.Waiting = 2
	assert.Contains(t, txt.Status(status), "- waiting for a key: 2\n")
}
