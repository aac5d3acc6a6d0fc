package db

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// timelineTest plays what accepting a timeline and filling its gaps does with positions.
type timelineTest struct {
	*testing.T
	db     *Database
	portal *Portal
}

// accept queues events at the end, as an answer of /sync brings them.
func (w timelineTest) accept(sources ...string) {
	w.Helper()
	position, err := w.db.Queue.LastPosition(w.Context(), w.portal.ID)
	require.NoError(w, err)
	for i, source := range sources {
		w.db.queue(w.T, w.portal, ToWazo, source, position+int64(i)+1)
	}
}

// gap stores that something is missing at the end.
func (w timelineTest) gap(from, to string) {
	w.Helper()
	position, err := w.db.Queue.LastPosition(w.Context(), w.portal.ID)
	require.NoError(w, err)
	last, err := w.db.Gap.Insert(w.Context(), w.portal.ID, "!room:a.example", from, to, position)
	require.NoError(w, err)
	require.Greater(w, last, position)
	after, err := w.db.Queue.LastPosition(w.Context(), w.portal.ID)
	require.NoError(w, err)
	require.Equal(w, last, after, "what comes next stands after the whole gap")
}

// fill hands a page, newest first, to the first gap, and closes it if that was the last page.
func (w timelineTest) fill(next string, newestFirst ...string) {
	w.Helper()
	gap, err := w.db.Gap.First(w.Context(), w.portal.ID)
	require.NoError(w, err)
	require.NotNil(w, gap)
	for _, source := range newestFirst {
		w.db.queue(w.T, w.portal, ToWazo, source, gap.NextPosition)
		gap.NextPosition--
	}
	require.GreaterOrEqual(w, gap.NextPosition, gap.FirstPosition-1)
	if next == "" {
		require.NoError(w, w.db.Gap.Delete(w.Context(), gap.ID))
		return
	}
	gap.From = next
	require.NoError(w, w.db.Gap.Move(w.Context(), gap))
}

func (w timelineTest) order() []string { return w.db.drain(w.T, w.portal, ToWazo) }

func newTimelineTest(t *testing.T) timelineTest {
	db := openNew(t)
	return timelineTest{t, db, db.addPortal(t, "a")}
}

func TestGap(t *testing.T) {
	t.Parallel()
	t.Run("what is found stands between what is older and what is newer", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.accept("1", "2")
		w.gap("p", "s1")
		w.accept("6", "7")
		w.fill("p2", "5", "4")
		w.accept("8") // arrives while the gap is being read
		w.fill("", "3")
		require.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7", "8"}, w.order())
	})

	t.Run("a gap after an empty queue", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.gap("p", "s1")
		w.accept("3")
		w.fill("", "2", "1")
		require.Equal(t, []string{"1", "2", "3"}, w.order())
	})

	t.Run("a gap before nothing, filled while more arrives", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.gap("p", "s1")
		w.fill("p2", "3", "2")
		w.accept("4")
		w.fill("", "1")
		require.Equal(t, []string{"1", "2", "3", "4"}, w.order())
	})

	t.Run("a page without anything to relay moves the gap all the same", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.gap("p", "s1")
		w.fill("p2")
		gap, err := w.db.Gap.First(t.Context(), w.portal.ID)
		require.NoError(t, err)
		require.Equal(t, "p2", gap.From)
		require.Equal(t, "s1", gap.To)
		w.accept("2")
		w.fill("", "1")
		require.Equal(t, []string{"1", "2"}, w.order())
	})

	t.Run("several gaps are read from the oldest", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.accept("1")
		w.gap("p1", "s1")
		w.accept("3")
		w.gap("p2", "s2")
		w.gap("p3", "s3") // nothing at all between them
		w.accept("6")
		all, err := w.db.Gap.All(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 3)
		for i, from := range []string{"p1", "p2", "p3"} {
			require.Equal(t, from, all[i].From)
			if i > 0 {
				require.Greater(t, all[i].FirstPosition, all[i-1].NextPosition, "gaps must not overlap")
			}
		}
		w.fill("", "2")
		w.fill("", "4")
		w.fill("", "5")
		none, err := w.db.Gap.First(t.Context(), w.portal.ID)
		require.NoError(t, err)
		require.Nil(t, none)
		require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, w.order())
	})

	t.Run("a gap has room for more events than a timeline can miss", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.gap("p", "s1")
		gap, err := w.db.Gap.First(t.Context(), w.portal.ID)
		require.NoError(t, err)
		require.GreaterOrEqual(t, gap.NextPosition-gap.FirstPosition+1, int64(1)<<31)
	})

	t.Run("gaps older than the link are closed, younger ones stay", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.gap("older", "s1")
		w.accept("the link's notice")
		notice, err := w.db.Queue.LastPosition(t.Context(), w.portal.ID)
		require.NoError(t, err)
		w.gap("younger", "s2")
		require.NoError(t, w.db.Gap.DeleteUpTo(t.Context(), w.portal.ID, notice))
		all, err := w.db.Gap.All(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, "younger", all[0].From)
	})

	t.Run("portals do not share gaps", func(t *testing.T) {
		t.Parallel()
		w := newTimelineTest(t)
		w.gap("p", "s1")
		other := w.db.addPortal(t, "b")
		gap, err := w.db.Gap.First(t.Context(), other.ID)
		require.NoError(t, err)
		require.Nil(t, gap)
		position, err := w.db.Queue.LastPosition(t.Context(), other.ID)
		require.NoError(t, err)
		require.Zero(t, position)
	})
}

// Whatever the pages and whatever arrives meanwhile: the order is that of the timeline.
func FuzzGapOrder(f *testing.F) {
	f.Add([]byte{3, 2, 5, 1, 0, 4, 2})
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{1, 9, 1, 9, 1, 9, 200, 100})
	f.Fuzz(func(t *testing.T, plan []byte) {
		if len(plan) > 12 {
			return
		}
		w := newTimelineTest(t)
		next := 'A'
		name := func() string { next++; return string(next) }
		var want []string
		var missing [][]string
		for i, n := range plan {
			var events []string
			for range n % 4 {
				events = append(events, name())
			}
			want = append(want, events...)
			if i%2 == 0 {
				w.accept(events...)
			} else {
				w.gap("p", "s")
				missing = append(missing, events)
			}
		}
		for _, events := range missing {
			slices.Reverse(events)
			half := len(events) / 2
			w.fill("p2", events[:half]...)
			late := name()
			w.accept(late)
			want = append(want, late)
			w.fill("", events[half:]...)
		}
		if got := w.order(); !slices.Equal(got, want) {
			t.Fatalf("plan %v: got %v, want %v", plan, got, want)
		}
	})
}
