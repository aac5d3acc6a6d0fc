package relay

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// age makes what is owed on Wazo older than it is.
func (f *fixture) age(emoji string, by time.Duration) {
	f.Helper()
	_, err := f.db.Exec(f.ctx, `UPDATE native_reaction SET since = since - $1 WHERE spelling = $2`, by.Milliseconds(), emoji)
	require.NoError(f, err)
}

// givenUpNotices returns what people were told of reactions that were given up.
func (f *fixture) givenUpNotices() []string {
	return slices.DeleteFunc(f.matrix.allNotices(), func(notice string) bool { return !strings.Contains(notice, "these reactions") })
}

func TestPeopleAreToldOfReactionsThatAreGivenUp(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	f, hello := reactingNatively(t)
	f.matrix.call(robinUser, "Robin", false)
	stays := f.react(robinUser, hello, "✅")
	f.awaitReactions("alice: ✅ to hello")
	fault := f.wazo.Faults().RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always())
	f.react(robinUser, hello, "👍")
	f.react(robinUser, hello, "🎉")
	f.react(bea, hello, "🙈") // with a line
	f.matrix.redact(robinUser, stays, true)
	f.awaitOnWazo("🙈")
	await.Until(t, "all of them to be owed", func() bool { return f.owes() == 5 }) // the line is to be marked as a reply
	for _, emoji := range []string{"🎉", "🙈", "✅"} {
		f.age(emoji, 6*day+time.Hour)
	}
	f.age("👍", 8*day) // as the last one: an attempt in between must not give it up alone
	f.core.tasks.Wake(portalJob(jobNative, 1))
	await.Until(t, "the notice", func() bool { return len(f.givenUpNotices()) > 0 && f.owes() == 1 })
	require.NotZero(t, fault.Fired())
	want := txt.ReactionsGivenUp([]words.GivenUpReaction{{Emoji: "👍", By: "Robin"}, {Emoji: "🎉", By: "Robin"}}, []words.GivenUpReaction{{Emoji: "✅", By: "Robin"}})
	require.Equal(t, []string{want}, f.givenUpNotices(), "once, and not of what a line has told")
}

func TestNobodyIsToldOfAReactionWhoseLineIsOnWazo(t *testing.T) {
	t.Parallel()
	f, hello := reactingNatively(t)
	f.wazo.Faults().RefuseRelation(wazotest.JSONError(http.StatusInternalServerError), wazotest.Always())
	f.react(bea, hello, "👍")
	f.awaitOnWazo("👍")
	await.Until(t, "the reaction to be owed", func() bool { return f.owes() > 0 })
	f.age("👍", 8*24*time.Hour)
	f.core.tasks.Wake(portalJob(jobNative, 1))
	_, err := f.db.Exec(f.ctx, `DELETE FROM reply_mark`)
	require.NoError(t, err)
	await.Until(t, "the end of all attempts", func() bool { return f.owes() == 0 })
	require.Empty(t, f.givenUpNotices())
}
