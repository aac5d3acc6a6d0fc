package chaos

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// deck deals cards at random intervals. Each card comes once before any card
// comes again, so that all come equally often.
type deck[T any] struct {
	mu    sync.Mutex
	rng   *rand.Rand
	cards []T
	left  []T
	every int // mean number of draws for one card
	wait  int // draws until the next card
	shut  bool
}

func newDeck[T any](seed uint64, every int, cards []T) *deck[T] {
	d := &deck[T]{rng: rand.New(rand.NewPCG(seed, 1)), cards: cards, every: max(1, every)}
	d.wait = d.rng.IntN(d.every)
	return d
}

// draw returns the next card, or none. Most draws give none.
func (d *deck[T]) draw() (card T, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut || len(d.cards) == 0 {
		return card, false
	}
	if d.wait > 0 {
		d.wait--
		return card, false
	}
	// Between 0 and 2*(every-1) draws without a card, every-1 on average.
	d.wait = d.rng.IntN(2*d.every - 1)
	if len(d.left) == 0 {
		d.shuffle()
	}
	card = d.left[0]
	d.left = d.left[1:]
	return card, true
}

// shuffle takes all cards again. d.mu must be held.
func (d *deck[T]) shuffle() {
	d.left = append(d.left[:0], d.cards...)
	d.rng.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
}

// beginWith deals the cards that fit before the others, once.
func (d *deck[T]) beginWith(fits func(T) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shuffle()
	others := slices.DeleteFunc(slices.Clone(d.left), fits)
	d.left = append(slices.DeleteFunc(d.left, func(card T) bool { return !fits(card) }), others...)
}

// close ends the dealing of cards.
func (d *deck[T]) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
}
