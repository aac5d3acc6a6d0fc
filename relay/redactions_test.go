package relay

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// removed returns the line which says that the message with a text was removed from Wazo. author is who had written it,
// "" if that is who removed it.
func (f *fixture) removed(text, author string) string {
	f.Helper()
	for _, m := range f.wazo.Messages(f.room.UUID) {
		if m.Content == text {
			return convert.Removal(m.CreatedAt.Local(), time.Now(), author, convert.WazoOptions{})
		}
	}
	f.Errorf("%q is not on Wazo", text)
	return ""
}

func TestRedactionsOfWhatIsOnWazo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	before := f.matrix.say(adminUser, "before the link")
	f.link()
	secret := f.matrix.say(adminUser, "a secret")
	spam := f.matrix.say("@bea:b.example", "spam")
	f.awaitRelayed("a secret", "spam")
	f.wazo.Post(f.room.UUID, f.alice, "on Wazo", "")
	f.awaitShown("Alice Martin: on Wazo")

	f.matrix.redact(adminUser, before, true)
	f.matrix.redact(adminUser, "$nowhere", true)
	f.matrix.redact(adminUser, f.matrix.say(adminUser, "!wazo status"), true)
	f.matrix.redact("@ignored:a.example", spam, true)
	f.matrix.redact(adminUser, secret, false)
	f.matrix.redact(adminUser, spam, true)
	f.matrix.redact(adminUser, f.shownEvent("on Wazo"), true)
	f.matrix.say(adminUser, "end")
	f.awaitOnWazo("end")
	f.awaitRelayed("a secret", "spam", f.removed("a secret", ""), f.removed("spam", "bea"), f.removed("on Wazo", "Alice Martin"), "end")
	require.NotContains(t, strings.Join(f.relayed()[2:], " "), "secret")
}

func TestRedactionsThatComeTwiceAreSaidOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.reactionWait = time.Millisecond
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	thumb := f.react(adminUser, hello, "👍")
	f.awaitOnWazo(`👍 to "hello"`)
	for _, target := range []id.EventID{thumb, hello} {
		f.matrix.redact(adminUser, target, true)
		f.matrix.redact(adminUser, target, true)
		f.matrix.say(adminUser, "after "+target.String())
		f.awaitOnWazo("after " + target.String())
		f.matrix.redact("@bea:b.example", target, true) // a moderator, a little later
	}
	f.matrix.say(adminUser, "end")
	f.awaitOnWazo("end")
	f.awaitRelayed("hello", `👍 to "hello"`, `removed 👍 from "hello"`, "after "+thumb.String(), f.removed("hello", ""), "after "+hello.String(), "end")
}

func TestRedactionWhileTheRelayIsDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	message := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.halt()
	never := f.matrix.say(adminUser, "never said")
	f.matrix.redact(adminUser, message, true)
	f.matrix.redact(adminUser, never, true)
	f.start()
	f.matrix.say(adminUser, "end")
	f.awaitOnWazo("end")
	f.awaitRelayed("hello", f.removed("hello", ""), "end")
}

func TestRedactionOfWhatIsReadFromTheHistoryOnlyLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.matrix.limit = 3
	f.start()
	f.link()
	f.awaitEmpty()
	f.matrix.setPaused(true)
	for _, text := range []string{"first", "second", "third"} {
		message := f.matrix.say(adminUser, text) // the homeserver of this test gives it in clear for ever
		if text != "third" {
			f.matrix.redact(adminUser, message, true)
		}
	}
	f.matrix.redact(adminUser, "$nowhere", true)
	f.matrix.say(adminUser, "end")
	f.matrix.setPaused(false)
	f.awaitRelayed("third", "end")
}

func TestRedactionOfWhatTurnsOutNotToBePosted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.wazo.Faults().RefusePost(wazotest.JSONError(500), wazotest.Times(1)) // it is not stored, but the relay cannot know
	slow := f.wazo.Faults().DelayAnswers(50*time.Millisecond, wazotest.Always())
	message := f.matrix.say(adminUser, "never said")
	await.Until(t, "an attempt", func() bool {
		row := f.row(message)
		return row != nil && row.Attempts > 0
	})
	f.matrix.redact(adminUser, message, true)
	f.awaitGone(message)
	slow.Off()
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("end")
}

func TestRedactionsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.relations.WithoutRedactions = true
	f.start()
	f.link()
	message := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.matrix.redact(adminUser, message, true)
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("hello", "end")
}

// That only says of messages that nobody is told of their removal.
func TestRemovalOfAReactionThatIsBeingPostedWithoutRedactions(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t, func(f *fixture) { f.relations.WithoutRedactions = true })
	f.wazo.Faults().NoEvent(wazotest.Times(1)) // it would tell that the reaction is there
	f.wazo.Faults().LateAnswer(time.Second, wazotest.Times(1))
	thumb := f.react(adminUser, hello, "👍")
	f.awaitOnWazo(`👍 to "hello"`)
	f.matrix.redact(adminUser, thumb, true)
	await.Until(t, "the redaction to be accepted", func() bool {
		row := f.row(thumb)
		return row != nil && isTakenBack(row)
	})
	f.matrix.say(adminUser, "end")
	f.awaitRelayed("hello", `👍 to "hello"`, `removed 👍 from "hello"`, "end")
}

// An edit or a reaction is being posted while its message is redacted, and it turns out that it was not posted.
func TestRedactionOfWhatOthersRelateTo(t *testing.T) {
	t.Parallel()
	for name, relate := range map[string]func(f *fixture, message id.EventID) id.EventID{
		"edit": func(f *fixture, message id.EventID) id.EventID {
			return f.edit(adminUser, message, "never said")
		},
		"reaction": func(f *fixture, message id.EventID) id.EventID { return f.react(bea, message, "👎") },
		"reactions in one line": func(f *fixture, message id.EventID) id.EventID {
			f.matrix.setPaused(true)
			defer f.matrix.setPaused(false)
			first := f.react(bea, message, "👎")
			f.react(adminUser, message, "👎")
			return first
		},
	} {
		// Neither is stored. After 500 the relay cannot know that, after 429 it can.
		for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests} {
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				t.Parallel()
				f, hello := reacting(t)
				refused := f.wazo.Faults().RefusePost(wazotest.JSONError(status), wazotest.Always())
				slow := f.wazo.Faults().DelayAnswers(50*time.Millisecond, wazotest.Always())
				related := relate(f, hello)
				f.awaitVainAttempt(related, status)
				f.matrix.redact(adminUser, hello, true)
				f.awaitGone(related)
				slow.Off()
				refused.Off()
				f.matrix.say(adminUser, "end")
				f.awaitOnWazo("end")
				f.awaitRelayed("hello", f.removed("hello", ""), "end")
			})
		}
	}
}

// awaitVainAttempt waits until the row of an event was attempted, and until the failure is known if it was certain.
func (f *fixture) awaitVainAttempt(eventID id.EventID, status int) {
	f.Helper()
	await.Until(f, "an attempt", func() bool {
		row := f.row(eventID)
		return row != nil && row.Attempts > 0 && (status != http.StatusTooManyRequests || row.State == db.StateNew)
	})
}

// The others stay when the reaction is removed whose row carries the line of all.
func TestRemovalOfTheFirstOfSeveralReactions(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			f, hello := reacting(t)
			refused := f.wazo.Faults().RefusePost(wazotest.JSONError(status), wazotest.Always())
			f.matrix.setPaused(true)
			first := f.react(bea, hello, "👎")
			f.react(adminUser, hello, "👍")
			f.matrix.setPaused(false)
			f.awaitVainAttempt(first, status)
			f.matrix.redact(bea, first, true)
			f.awaitRow(f.matrix.say(adminUser, "end"))
			// The first of two more attempts may have begun before the redaction was accepted.
			before := refused.Fired()
			await.Until(t, "two more attempts", func() bool { return refused.Fired() >= before+2 })
			refused.Off()
			f.awaitRelayed("hello", `👍 to "hello"`, "end")
			f.awaitEmpty()
		})
	}
}

// Several people may redact the same event, perhaps on homeservers that do not know of each other's redactions yet.
func TestEventThatIsRedactedTwice(t *testing.T) {
	t.Parallel()
	f, hello := reacting(t)
	thumb := f.react(adminUser, hello, "👍")
	f.awaitRelayed("hello", `👍 to "hello"`)
	f.matrix.redact(adminUser, thumb, true)
	f.matrix.say(adminUser, "one")
	f.awaitRelayed("hello", `👍 to "hello"`, `removed 👍 from "hello"`, "one")
	f.matrix.redact(bea, thumb, true)
	f.matrix.redact(adminUser, hello, true)
	f.matrix.redact(bea, hello, false)
	f.matrix.say(adminUser, "two")
	f.awaitOnWazo("two")
	f.halt()
	f.start()
	f.matrix.redact(adminUser, hello, true)
	f.matrix.say(adminUser, "end")
	f.awaitOnWazo("end")
	f.awaitRelayed("hello", `👍 to "hello"`, `removed 👍 from "hello"`, "one", f.removed("hello", ""), "two", "end")
}
