package chaos

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name          string
		sent, arrived string // words; one that ends with "*" is excused, or late
		want          Difference
	}{
		{name: "nothing said, nothing arrived"},
		{name: "all arrived in order", sent: "a b c", arrived: "a b c"},
		{name: "one lost in the middle", sent: "a b c", arrived: "a c", want: Difference{Lost: 1}},
		{name: "all lost", sent: "a b", want: Difference{Lost: 2}},
		{name: "one doubled at once", sent: "a b c", arrived: "a b b c", want: Difference{Doubled: 1}},
		{name: "one doubled later is not reordered", sent: "a b c", arrived: "a b c a", want: Difference{Doubled: 1}},
		{name: "something that nobody said", sent: "a", arrived: "a x", want: Difference{Doubled: 1}},
		{name: "two changed places", sent: "a b c", arrived: "b a c", want: Difference{Reordered: 1}},
		{name: "the last came first", sent: "a b c d", arrived: "d a b c", want: Difference{Reordered: 1}},
		{name: "all backwards", sent: "a b c", arrived: "c b a", want: Difference{Reordered: 2}},
		{name: "a run of identical ones, complete", sent: "a ok ok ok b", arrived: "a ok ok ok b"},
		{name: "one of a run is lost", sent: "a ok ok ok b", arrived: "a ok ok b", want: Difference{Lost: 1}},
		{name: "one too many in a run", sent: "a ok ok b", arrived: "a ok ok ok b", want: Difference{Doubled: 1}},
		{name: "one of a run came after what followed it", sent: "a ok ok b", arrived: "a ok b ok", want: Difference{Reordered: 1}},
		{name: "one lost and another doubled", sent: "a b c", arrived: "a c c", want: Difference{Lost: 1, Doubled: 1}},
		{name: "an excused one may be late", sent: "a b* c d", arrived: "a c d b", want: Difference{Excused: 1}},
		{name: "an excused one may not be missing", sent: "a b* c", arrived: "a c", want: Difference{Excused: 1, Lost: 1}},
		{name: "an excused one may not come twice", sent: "a b* c", arrived: "a c b b", want: Difference{Excused: 1, Doubled: 1}},
		{name: "an excuse is for its message only", sent: "a b* c d", arrived: "a d c b", want: Difference{Excused: 1, Reordered: 1}},
		{name: "an excused one of a run", sent: "ok ok* b", arrived: "ok b ok", want: Difference{Excused: 1}},
		{name: "a late one", sent: "a b c d", arrived: "a c d b*"},
		{name: "a late one that came before, too", sent: "a b c", arrived: "a b c b*", want: Difference{Doubled: 1}},
		{name: "a late one of several identical ones", sent: "ok a b ok c ok d", arrived: "ok a b c ok d ok*"},
		{name: "a late one excuses no other", sent: "ok a b ok c d", arrived: "ok b a c d ok*", want: Difference{Reordered: 1}},
		{name: "a run with an excused one, the others in order", sent: "a ok* ok b", arrived: "a ok b ok", want: Difference{Excused: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sent []said
			for _, word := range strings.Fields(test.sent) {
				key, excused := strings.CutSuffix(word, "*")
				sent = append(sent, said{key: key, excused: excused})
			}
			got := compare(sent, arrivals(test.arrived))
			require.Equal(t, !test.want.clean(), len(got.Examples) > 0, "examples: %q", got.Examples)
			require.Equal(t, test.want.clean(), got.clean())
			got.Examples = nil
			require.Equal(t, test.want, got)
		})
	}
}

func arrivals(words string) (all []arrival) {
	for _, word := range strings.Fields(words) {
		key, late := strings.CutSuffix(word, "*")
		all = append(all, arrival{key, late})
	}
	return all
}

func TestDeckDealsEachCardEquallyOften(t *testing.T) {
	const every, rounds = 7, 40
	cards := []string{"a", "b", "c", "d"}
	d := newDeck(1, every, cards)
	dealt, draws := map[string]int{}, 0
	for n := 0; n < rounds*len(cards); draws++ {
		if card, ok := d.draw(); ok {
			dealt[card]++
			n++
		}
	}
	for _, card := range cards {
		require.Equal(t, rounds, dealt[card], card)
	}
	require.InEpsilon(t, every*rounds*len(cards), draws, 0.2)
}

func TestDeckBeginsWithSomeCards(t *testing.T) {
	cards := []string{"a", "b1", "c", "b2", "d"}
	for seed := range uint64(20) {
		d := newDeck(seed, 1, cards)
		d.beginWith(func(card string) bool { return strings.HasPrefix(card, "b") })
		var dealt []string
		for range cards {
			card, ok := d.draw()
			require.True(t, ok)
			dealt = append(dealt, card)
		}
		require.ElementsMatch(t, []string{"b1", "b2"}, dealt[:2])
		require.ElementsMatch(t, []string{"a", "c", "d"}, dealt[2:])
	}
}

func TestEmptyDeckDealsNothing(t *testing.T) {
	d := newDeck[string](1, 1, nil)
	for range 10 {
		_, ok := d.draw()
		require.False(t, ok)
	}
}

func TestLineAboveALateMessageIsNotItsText(t *testing.T) {
	text, late := withoutLateLine("⏳ late, written 2026-11-26 15:14 UTC:\n\nhello\n\nworld")
	require.True(t, late)
	require.Equal(t, "hello\n\nworld", text)
	for _, content := range []string{"hello", "hello\n\nworld", "⏳ late, written by me"} {
		text, late = withoutLateLine(content)
		require.False(t, late)
		require.Equal(t, content, text)
	}
}
