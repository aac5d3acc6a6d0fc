package chaos

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestWhatIsSentIsReadAgain(t *testing.T) {
	for _, d := range []deed{
		{kind: says, text: "hello"},
		{kind: answers, text: "yes", target: "$hello"},
		{kind: threads, text: "too", target: "$last", thread: "$hello"},
		{kind: edits, text: "hello v7", target: "$hello"},
		{kind: reacts, text: "👍7", target: "$hello"},
	} {
		t.Run(string(d.kind), func(t *testing.T) {
			d.who, d.mark = "robin", "7"
			content, err := json.Marshal(d.content())
			require.NoError(t, err)
			evt := &event.Event{Type: event.EventMessage, Sender: "@robin:localhost"}
			if d.kind == reacts {
				evt.Type = event.EventReaction
			}
			require.NoError(t, json.Unmarshal(content, &evt.Content))
			got, ok := deedOf(evt)
			require.True(t, ok)
			require.Equal(t, d, got)
			require.True(t, isOfPeople(evt))
		})
	}
}

func TestRedactionsAndWhatTheyRedactAreOfPeople(t *testing.T) {
	evt := &event.Event{}
	require.NoError(t, json.Unmarshal([]byte(`{"type":"m.room.redaction","sender":"@robin:localhost","redacts":"$hello","content":{"reason":"e2e.chaos.mark 7"}}`), evt))
	d, ok := deedOf(evt)
	require.True(t, ok)
	require.Equal(t, deed{kind: redacts, who: "robin", mark: "7", target: "$hello"}, d)
	require.True(t, isOfPeople(evt))
	gone := &event.Event{Type: event.EventMessage}
	require.False(t, isOfPeople(gone))
	gone.Unsigned.RedactedBecause = evt
	require.True(t, isOfPeople(gone))
	bots := &event.Event{Type: event.EventRedaction, Content: event.Content{Raw: map[string]any{"reason": "stored late"}}}
	require.False(t, isOfPeople(bots))
}

func TestPeopleDoEverything(t *testing.T) {
	rng, done := rand.New(rand.NewPCG(1, 1)), map[act]int{}
	for range 1000 {
		done[choose(rng)]++
	}
	for _, kind := range []act{says, answers, threads, edits, redacts, reacts, removes} {
		require.Greater(t, done[kind], 20, kind)
	}
}

func TestNobodyWaitsForWhatIsRedacted(t *testing.T) {
	l := newLedger()
	do := func(d deed) (id.EventID, bool) {
		d.who = "robin"
		event := id.EventID("$" + d.mark)
		l.begin(&d)
		return event, l.done(&d, event)
	}
	seen, _ := do(deed{kind: says, mark: "1", text: "seen"})
	waits, _ := do(deed{kind: says, mark: "2", text: "waits"})
	do(deed{kind: edits, mark: "3", text: "waits, edited", target: waits})
	require.Equal(t, "waits, edited", l.textOf(waits))
	require.True(t, l.arrives("robin", "seen"))
	_, waived := do(deed{kind: redacts, mark: "4", target: seen})
	require.False(t, waived, "it has arrived")
	require.Equal(t, []id.EventID{waits}, l.messages(9))
	_, waived = do(deed{kind: redacts, mark: "5", target: waits})
	require.True(t, waived)
	require.False(t, l.arrives("robin", "waits, edited"), "nobody waited for it any more")
	require.Empty(t, l.own("robin", false, 9))
	known, ok := l.known(waits)
	require.True(t, ok)
	require.Equal(t, "waits", known.text)
}

func TestThreadsGoOn(t *testing.T) {
	l := newLedger()
	for _, d := range []*deed{
		{kind: says, mark: "1"}, {kind: threads, mark: "2", thread: "$1", target: "$1"}, {kind: threads, mark: "3", thread: "$1", target: "$2"},
	} {
		l.begin(d)
		l.done(d, id.EventID("$"+d.mark))
	}
	for _, message := range []id.EventID{"$1", "$2", "$3"} {
		root, last := l.threadOf(message)
		require.EqualValues(t, "$1", root)
		require.EqualValues(t, "$3", last)
	}
}

// Somebody who logs out waits for their own messages only, until they are on Wazo or redacted.
func TestLedgerKnowsWhoseMessagesAreOnTheirWay(t *testing.T) {
	l := newLedger()
	do := func(d *deed, event id.EventID) {
		l.begin(d)
		l.done(d, event)
	}
	do(&deed{kind: says, who: "sam", text: "one"}, "$1")
	do(&deed{kind: says, who: "kim", text: "two"}, "$2")
	do(&deed{kind: reacts, who: "kim", target: "$1"}, "$3")
	require.True(t, l.arrives("kim", "two"))
	require.True(t, l.isAwaited("sam"), "that another message has arrived says nothing")
	require.False(t, l.isAwaited("kim"))
	require.True(t, l.arrives("sam", "one"))
	require.False(t, l.isAwaited("sam"))

	do(&deed{kind: says, who: "sam", text: "three"}, "$4")
	require.True(t, l.isAwaited("sam"))
	do(&deed{kind: redacts, who: "sam", target: "$4"}, "$5")
	require.False(t, l.isAwaited("sam"), "nobody waits for what is redacted")
}
