package relay

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// isOfProblem reports whether a text tells administrators of a problem that concerns no single portal, or of its end.
func isOfProblem(text string) bool { return strings.Contains(text, "problem with") }

func TestAdministratorsHearOnceOfAProblemAndOnceOfItsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		room id.RoomID
		told func(f *fixture) []string
	}{
		{"in their room", "!admins:a.example", func(f *fixture) []string { return f.matrix.allNotices() }},
		{"in their direct chats", "", func(f *fixture) []string { return f.matrix.allProblems() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.healthInterval, f.adminRoom = 50*time.Millisecond, test.room
			f.start()
			f.link()
			f.awaitHealth("all to be well", Health.OK)
			// On a busy machine, a connection may take longer than the tests' short OutageNotice, which is told, too.
			told := func() []string {
				isOther := func(text string) bool { return !strings.Contains(text, txt.Why(words.WhyDirectoryFails)) }
				return slices.DeleteFunc(test.told(f), isOther)
			}
			down := f.wazo.Faults().DirdDown()
			await.Until(t, "the problem to be told", func() bool { return len(told()) == 1 })
			require.Equal(t, txt.ProblemBegun(words.PartWazo, txt.Why(words.WhyDirectoryFails)), told()[0])

			f.halt() // who was told is not told again
			f.start()
			f.awaitHealth("the problem to be seen again", func(h Health) bool { return !h.Wazo.OK })
			down.Off()
			await.Until(t, "the end to be told", func() bool { return len(told()) == 2 })
			require.True(t, strings.HasPrefix(told()[1], "The problem with Wazo is over."), told()[1])
		})
	}
}

func TestAdministratorsDoNotHearOfWhatConcernsOnePortal(t *testing.T) {
	t.Parallel()
	f := watchedFixture(t)
	f.refuse("refused")
	f.wazo.Post(f.room.UUID, f.alice, "refused", "")
	f.matrix.awaitNotice("cannot be shown here")
	f.wazo.RemoveMember(f.room.UUID, f.relay)
	f.matrix.say(adminUser, "unheard")
	f.awaitHealth("the room to be paused", func(h Health) bool { return !h.Wazo.OK })
	troubles, err := f.core.generalTroubles(f.ctx)
	require.NoError(t, err)
	require.Empty(t, troubles)
	// On a busy machine, a connection may take longer than the tests' short OutageNotice.
	isConnection := func(text string) bool { return strings.Contains(text, txt.Why(words.WhyEventsFail)) }
	require.Empty(t, slices.DeleteFunc(f.matrix.allProblems(), isConnection))
}

func TestWorstPortalsComeFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	f.awaitEmpty()
	worst, all, err := f.core.WorstPortals(f.ctx)
	require.NoError(t, err)
	require.Empty(t, worst)
	require.Zero(t, all)

	refused := f.wazo.Faults().RefusePost(wazotest.JSONError(400), wazotest.Times(1))
	f.matrix.say(adminUser, "refused")
	require.NoError(t, refused.Wait(f.ctx, 1))
	f.wazo.Faults().RefusePost(wazotest.HTMLError(502), wazotest.Always())
	f.matrix.say(adminUser, "waits")
	await.Until(t, "both messages to be counted", func() bool {
		worst, all, err = f.core.WorstPortals(f.ctx)
		return err == nil && all == 1 && worst[0].Parked == 1 && worst[0].Waiting == 1 && worst[0].Oldest > 0
	})
	require.Equal(t, roomID.String(), worst[0].MatrixRoom)

	// The others are only in the database.
	for i := range worstShown + 5 {
		room := id.RoomID("!other" + strings.Repeat("x", i) + ":a.example")
		portal := &db.Portal{MatrixRoom: room, WazoRoom: room.String(), Title: room.String(), ReaderID: f.core.account.row.ID, LinkedBy: adminUser}
		require.NoError(t, f.db.Portal.Insert(f.ctx, portal))
		_, err = f.db.Pause.Insert(f.ctx, pauseOf(portal, PauseForbidden, db.ToMatrix))
		require.NoError(t, err)
	}
	worst, all, err = f.core.WorstPortals(f.ctx)
	require.NoError(t, err)
	require.Equal(t, worstShown+6, all)
	require.Len(t, worst, worstShown)
	require.Equal(t, []words.Why{words.WhyForbidden}, worst[0].Paused, "what is paused comes first")
}
