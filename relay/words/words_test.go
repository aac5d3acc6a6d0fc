package words

import (
	"fmt"
	"regexp"
	"sync"
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

func TestPeriodsAreToldInTheirLargestUnits(t *testing.T) {
	assert.Contains(t, txt.KeyNeverCame(7*24*time.Hour), "within 7 days")
	assert.Contains(t, txt.KeyNeverCame(36*time.Hour), "within 1 day 12 h")
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

func TestDurationsAreToldInTwoUnitsAtMost(t *testing.T) {
	for _, test := range []struct {
		duration        time.Duration
		english, french string
	}{
		{-time.Second, "0 s", "0\u00a0s"},
		{999 * time.Millisecond, "0 s", "0\u00a0s"},
		{59*time.Second + 999*time.Millisecond, "59 s", "59\u00a0s"},
		{time.Minute, "1 min", "1\u00a0min"},
		{75 * time.Second, "1 min 15 s", "1\u00a0min 15\u00a0s"},
		{time.Hour + time.Second, "1 h", "1\u00a0h"},
		{23*time.Hour + 59*time.Minute, "23 h 59 min", "23\u00a0h 59\u00a0min"},
		{24 * time.Hour, "1 day", "1\u00a0jour"},
		{36 * time.Hour, "1 day 12 h", "1\u00a0jour 12\u00a0h"},
		{1500 * 24 * time.Hour, "1500 days", "1\u00a0500\u00a0jours"},
	} {
		assert.Equal(t, test.english, txt.lasting(test.duration))
		assert.Equal(t, test.french, txt.In(French).lasting(test.duration))
	}
}

// French takes zero for one thing, and English for several.
func TestEachLanguageCountsInItsOwnWay(t *testing.T) {
	for n, french := range map[int]string{0: "0\u00a0minute", 1: "1\u00a0minute", 2: "2\u00a0minutes"} {
		assert.Equal(t, french, txt.In(French).Period(n, Minutes))
	}
	for n, english := range map[int]string{0: "0 minutes", 1: "1 minute", 2: "2 minutes"} {
		assert.Equal(t, english, txt.Period(n, Minutes))
	}
	assert.Equal(t, "1,2\u00a0Mo", txt.In(French).Bytes(1_234_567))
}

func TestFrenchIsSetAsFrenchIs(t *testing.T) {
	sign, typed := regexp.MustCompile(`[^\x{00A0}\x{202F}](?:[;!?»]|:(?:\s|$))|«[^\x{00A0}]`), regexp.MustCompile(`['"~]| [:;!?»]`)
	for english, forms := range catalogues()[French] {
		for _, form := range forms {
			text := codeSpan.ReplaceAllString(form, "`…`")
			if assert.NotRegexp(t, sign, text, english) {
				assert.NotRegexp(t, typed, variable.ReplaceAllString(text, "…"), english)
			}
		}
	}
}

func TestPhrasesAreRecognisedInEachLanguage(t *testing.T) {
	for _, language := range Languages() {
		said := txt.In(language).Say(FileGone)
		assert.True(t, FileGone.IsSaidBy(said), said)
		assert.False(t, FileTooLarge.IsSaidBy(said), said)
		assert.False(t, FileGone.IsSaidBy(said+"!"), said)
		assert.True(t, FileGone.IsPartOf("<p>"+said+"</p>"), said)
		assert.False(t, FileTooLarge.IsPartOf("<p>"+said+"</p>"), said)
	}
}

func TestZeroValueSpeaksEnglish(t *testing.T) {
	assert.Equal(t, string(FileGone), Texts{}.Say(FileGone))
	assert.Equal(t, English, Texts{}.Language())
	assert.Equal(t, "2 minutes", Texts{}.Period(2, Minutes))
}

func TestTextsAreSafeForConcurrentUse(t *testing.T) {
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			assert.Equal(t, fmt.Sprintf("%d\u00a0minutes", n+2), txt.In(French).Period(n+2, Minutes))
			assert.Contains(t, txt.In(French).NoSuchRoom("Lunhc"), "`Lunhc`")
		})
	}
	all.Wait()
}
