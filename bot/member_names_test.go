package bot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
)

// member is an event by which somebody's name or membership changes. before is what it was, "" if the homeserver does
// not tell.
func (f *fakeHomeserver) member(user id.UserID, content, before string) string {
	unsigned := ""
	if before != "" {
		unsigned = `,"unsigned":{"prev_content":` + before + `}`
	}
	return fmt.Sprintf(`{"type":"m.room.member","state_key":%q,"event_id":%q,"sender":%q,"content":%s%s}`, user, f.newEventID(), user, content, unsigned)
}

func joinedAs(name string) string { return fmt.Sprintf(`{"membership":"join","displayname":%q}`, name) }

const hasLeft = `{"membership":"leave"}`

// awaitAliases waits until messages stand on Wazo, and returns under which names.
func (f *fixture) awaitAliases(contents ...string) (aliases []string) {
	f.Helper()
	await.Until(f, fmt.Sprintf("%q on Wazo", contents), func() bool {
		aliases = nil
		for _, content := range contents {
			for _, m := range f.wazo.Messages(f.project.UUID) {
				if m.Content == content && m.Alias != nil {
					aliases = append(aliases, *m.Alias)
				}
			}
		}
		return len(aliases) == len(contents)
	})
	return aliases
}

// TestAliasesAreTheNamesAtThatTime: what happens to people in the same answer of /sync comes too late to change their
// names.
func TestAliasesAreTheNamesAtThatTime(t *testing.T) {
	t.Parallel()
	for _, restarted := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarted %v", restarted), func(t *testing.T) {
			t.Parallel()
			const ann, bea, kay = id.UserID("@ann:a.example"), id.UserID("@bea:a.example"), id.UserID("@kay:a.example")
			f := newFixture(t)
			f.start()
			f.first()
			f.link()
			hs := f.hs
			hs.pushTimeline(roomID, hs.member(ann, joinedAs("Ann"), ""), hs.member(bea, joinedAs("Bea"), ""), hs.member(kay, joinedAs("Kay"), ""))
			hs.allSeen()
			if restarted {
				f.stop()
				f.start()
			}
			hs.pushTimeline(roomID,
				hs.text(ann, "bye"), hs.member(ann, hasLeft, joinedAs("Ann")),
				hs.text(bea, "I marry"), hs.member(bea, joinedAs("Beatrice"), joinedAs("Bea")), hs.text(bea, "married"),
				hs.text(kay, "oops"), hs.member(kay, `{"membership":"ban"}`, joinedAs("Kay")),
			)
			require.Equal(t, []string{"Ann (Matrix)", "Bea (Matrix)", "Beatrice (Matrix)", "Kay (Matrix)"}, f.awaitAliases("bye", "I marry", "married", "oops"))
		})
	}
}

// TestAnAnswerThatComesAgainGivesTheSameNames: the state store has the end of the answer already.
func TestAnAnswerThatComesAgainGivesTheSameNames(t *testing.T) {
	t.Parallel()
	const ann = id.UserID("@ann:a.example")
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	var answer syncAnswer
	events := []string{f.hs.text(ann, "bye"), f.hs.member(ann, hasLeft, joinedAs("Ann"))}
	require.NoError(t, json.Unmarshal([]byte("{"+timeline(roomID, `"events":[`+strings.Join(events, ",")+`]`)+"}"), &answer))
	for range 2 {
		f.bot.names.forget(roomID) // as after a crash
		received := f.bot.receiver.receiveRoom(t.Context(), roomID, answer.Rooms.Join[roomID])
		require.NotNil(t, received.Events[0].SenderName)
		require.Equal(t, "Ann", received.Events[0].SenderName.Name)
	}
}

// TestNamesInAGap: what was said in a gap has the names of that time, and changes nothing about those of today.
func TestNamesInAGap(t *testing.T) {
	t.Parallel()
	const ann, bea = id.UserID("@ann:a.example"), id.UserID("@bea:a.example")
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	hs := f.hs
	hs.pushTimeline(roomID, hs.member(bea, joinedAs("Bea"), ""))
	// Newest first.
	chunk := []string{
		hs.text(bea, "in the gap"), hs.member(bea, joinedAs("Bea"), joinedAs("Ann")), hs.text(bea, "shared"),
		hs.member(ann, hasLeft, joinedAs("Ann")), hs.text(ann, "bye"), hs.member(bea, joinedAs("Ann"), joinedAs("Bea")),
	}
	hs.mu.Lock()
	hs.pages["gap"] = `{"chunk":[` + strings.Join(chunk, ",") + `]}`
	hs.mu.Unlock()
	hs.push(timeline(roomID, `"limited":true,"prev_batch":"gap","events":[`+hs.text(bea, "newest")+`]`))
	require.Equal(t,
		[]string{"Ann (@ann:a.example) (Matrix)", "Ann (Matrix)", "Bea (Matrix)", "Bea (Matrix)"},
		f.awaitAliases("bye", "shared", "in the gap", "newest"))
	hs.say(roomID, bea, "today")
	require.Equal(t, []string{"Bea (Matrix)"}, f.awaitAliases("today"))
}

// TestPeopleOfTheSameName have different aliases while both are in the room (client-server API, "Calculating the
// display name for a user").
func TestPeopleOfTheSameName(t *testing.T) {
	t.Parallel()
	const ann, second, sam, otherSam = id.UserID("@ann:a.example"), id.UserID("@ann:b.example"), id.UserID("@sam:a.example"), id.UserID("@sam:b.example")
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	hs := f.hs
	hs.pushTimeline(roomID, hs.member(ann, joinedAs("Ann"), ""), hs.text(ann, "alone"))
	hs.pushTimeline(roomID, hs.member(second, joinedAs("A\u200bnn "), ""), hs.text(ann, "first"), hs.text(second, "second"))
	hs.pushTimeline(roomID, hs.member(second, hasLeft, joinedAs("Ann")), hs.text(ann, "alone again"))
	hs.pushTimeline(roomID, hs.member(second, `{"membership":"invite","displayname":"Ann"}`, hasLeft), hs.text(ann, "and invited"))
	hs.pushTimeline(roomID, hs.member(sam, `{"membership":"join"}`, ""), hs.member(otherSam, `{"membership":"join"}`, ""), hs.text(sam, "no name"))
	// Those that are told in the state before a timeline count, too.
	hs.push(fmt.Sprintf(`"rooms":{"join":{%q:{"state":{"events":[%s]},"timeline":{"events":[%s]}}}}`, roomID,
		hs.member(second, hasLeft, ""), hs.text(ann, "at last")))
	require.Equal(t, []string{
		"Ann (Matrix)", "Ann (@ann:a.example) (Matrix)", "Ann (@ann:b.example) (Matrix)", "Ann (Matrix)", "Ann (@ann:a.example) (Matrix)",
		"sam (@sam:a.example) (Matrix)", "Ann (Matrix)",
	}, f.awaitAliases("alone", "first", "second", "alone again", "and invited", "no name", "at last"))
}
