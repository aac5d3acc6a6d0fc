package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wazo-matrix-relay/e2e/harness"

	"golang.org/x/sync/errgroup"
)

const (
	// followEvery is the pause between two counts of what has arrived.
	followEvery = 100 * time.Millisecond
	// compareEvery is the pause between two comparisons at the end of a run.
	compareEvery = time.Second
)

// Run does a whole run. It starts everything, has people talk while everything
// fails, waits until all messages have arrived or none arrives any more, and
// compares. An error means that the run could not be done. Whether the run is a
// success is what Result.Err says.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return Result{}, err
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := openFixture(ctx, cfg, dir)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if result, err = s.play(ctx); err != nil {
		return result, s.Explain(err)
	}
	return result, nil
}

// play does everything between opening and closing the fixture.
func (s *fixture) play(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	s.whole = ctx
	defer s.background.Wait()
	defer cancel()
	outages := s.setFaults()
	if s.pair == nil {
		s.background.Go(func() { s.keeper.run(ctx) })
	}
	for _, p := range s.places {
		s.background.Go(func() { s.followWazo(ctx, p) })
		s.background.Go(func() { s.followMatrix(ctx, p) })
	}
	began, progress := time.Now(), newMilestones()
	s.background.Go(func() { s.report(ctx, began, progress) })
	if err := s.fight(ctx, outages, progress); err != nil {
		return Result{}, err
	}
	s.say("everything is said after %s, faults end", time.Since(began).Round(time.Second))
	s.endFaults()
	return s.await(ctx)
}

// fight has people talk while everything fails.
func (s *fixture) fight(ctx context.Context, outages []outage, progress *milestones) error {
	all, ctx := errgroup.WithContext(ctx)
	talking, end := context.WithCancel(ctx)
	all.Go(func() error { defer end(); return s.talk(ctx, progress) })
	if s.pair != nil {
		all.Go(func() error { return s.pair.run(ctx, progress) })
	} else {
		all.Go(func() error { return newKiller(s).run(ctx, progress) })
	}
	if s.cfg.uses(databaseRestored) {
		all.Go(func() error { return s.copies.run(talking) })
		all.Go(func() error { return s.copies.restoreAgain(ctx, progress) })
	}
	if len(outages) > 0 {
		// In a long run each outage comes at least twice, with pauses between them.
		n := max(len(outages), s.cfg.Messages/150)
		all.Go(func() error { return newWeather(s, outages).run(ctx, n, progress) })
	}
	return all.Wait()
}

// counts returns how often relays were killed, how often while a message was on its way, and how often one ended by
// itself.
func (s *fixture) counts() (kills, attempted, exits int) {
	if s.pair != nil {
		return s.pair.counts()
	}
	return s.keeper.counts()
}

// report says every ten seconds how far the run is.
func (s *fixture) report(ctx context.Context, began time.Time, progress *milestones) {
	for sleep(ctx, 10*time.Second) == nil {
		kills, _, _ := s.counts()
		sent, arrived := 0, 0
		for _, p := range s.everywhere() {
			for _, f := range []*flow{p.toWazo, p.toMx} {
				sent += f.sent.count()
				arrived += f.arrived.count()
			}
		}
		s.say("%s: %d said and done, %d of %d messages arrived, %d kills", time.Since(began).Round(time.Second), progress.count(), arrived, sent, kills)
	}
}

// setFaults puts the faults of the configuration in place and returns the
// outages among them.
func (s *fixture) setFaults() []outage {
	often := func(least, most int) int { return min(max(s.cfg.Messages/100, least), most) }
	delay := s.cfg.delay()
	s.setDeck(s.matrix, matrixSend, often(6, 30), commonKinds(delay))
	s.setDeck(s.matrix, matrixSync, often(6, 30), commonKinds(delay))
	// Events that are left out of /sync have to be read from the history.
	s.setDeck(s.matrix, matrixResume, 1, []kind{shortTimeline(s.matrix.gaps)})
	s.setDeck(s.matrix, matrixPages, 2, pageKinds(delay))
	seldom := 2 // so that some requests succeed
	if len(s.cfg.Faults) == 0 && s.cfg.Conversations < 20 {
		seldom = 1
	}
	s.setDeck(s.matrix, matrixRooms, seldom, roomKinds(delay))
	s.setDeck(s.matrix, matrixInvites, seldom, roomKinds(delay))
	posts := commonKinds(delay)
	for _, fault := range relayPostFaults(delay) {
		posts = append(posts, fault.asKind(s.Wazo.Faults(), s.armed))
	}
	s.setDeck(s.wazo, wazoPost, often(4, 30), posts) // reactions share a line, and edits that wait have none
	s.setDeck(s.wazo, wazoPages, often(4, 20), commonKinds(delay))

	if s.cfg.Plugin {
		s.setDeck(s.wazo, wazoRelate, 2, s.relateKinds(delay))
		s.setDeck(s.wazo, wazoRelated, often(12, 40), commonKinds(delay))
	}
	ofAuthors := slices.DeleteFunc(authorFaults(s.Cast.Relay, s.cfg.delay(), s.cfg.Webhook), func(f wazoFault) bool { return !s.cfg.uses(f.name) })
	for _, fault := range ofAuthors {
		s.tally.expect(fault.name)
	}
	s.authors = newAuthors(s.Wazo, s.Cast.Relay, s.tally, s.cfg.Seed, often(6, 40), ofAuthors)
	s.setTextFaults(delay)
	s.plugin = newPlugin(s, often(4, 20))
	outages := slices.DeleteFunc(s.outages(), func(o outage) bool { return !s.cfg.uses(o.name) })
	if s.pair != nil {
		outages = nil // the pair has its own
		s.pair.expect()
	}
	for _, o := range outages {
		s.tally.expect(o.name)
	}
	if s.cfg.uses(databaseRestored) {
		s.tally.expect(databaseRestored)
	}
	s.expectConversations()
	return outages
}

// setDeck makes the proxy deal kinds to the requests of a class.
func (s *fixture) setDeck(p *proxy, c class, every int, kinds []kind) {
	if len(s.conversations) == 0 && (c == matrixRooms || c == matrixInvites) {
		return
	}
	for i := range kinds {
		kinds[i].name = string(c) + ": " + kinds[i].name
	}
	kinds = slices.DeleteFunc(kinds, func(k kind) bool { return !s.cfg.uses(k.name) })
	for _, k := range kinds {
		s.tally.expect(k.name)
	}
	dealt := newDeck(s.cfg.Seed+uint64(len(c)), every, kinds)
	if c == matrixRooms {
		// Few rooms are made. If the homeserver has not seen a request, there is another one for
		// the same room, so that all faults get their turn.
		dealt.beginWith(func(k kind) bool { return k.fires == onRequest })
	}
	p.setDeck(c, dealt)
}

// endFaults makes everything work again.
func (s *fixture) endFaults() {
	s.matrix.calm()
	s.wazo.calm()
	s.Wazo.Faults().Clear()
	s.armed.count(s.tally)
	s.plugin.end()
	s.readStatusesAgain()
}

// await compares again and again until everything has arrived and a duplicate would
// have arrived as well, or until nothing has arrived for Config.Quiet.
func (s *fixture) await(ctx context.Context) (Result, error) {
	var last Result
	moved, complete := time.Now(), time.Time{}
	for {
		result, err := s.compare(ctx)
		if err != nil {
			return result, fmt.Errorf("failed to compare: %w", err)
		}
		now := time.Now()
		if result.Lost != last.Lost || result.Doubled != last.Doubled || result.Sent != last.Sent || result.Plugin != last.Plugin || result.Texts != last.Texts {
			moved = now
		}
		if result.Lost > 0 || result.Plugin.Unequal > 0 || result.Texts.Untold > 0 {
			complete = time.Time{}
		} else if complete.IsZero() {
			complete = now
		}
		last = result
		if now.Sub(moved) >= s.cfg.Quiet || !complete.IsZero() && now.Sub(moved) >= s.settled() {
			return s.finish(ctx, result)
		}
		if err = sleep(ctx, compareEvery); err != nil {
			return result, err
		}
	}
}

// settled is how long after the last arrival a duplicate may still come: the relay
// waits after an unknown outcome, and then reads the history.
func (s *fixture) settled() time.Duration { return min(2*(s.cfg.Settle+s.cfg.Probe), s.cfg.Quiet) }

// finish adds to the result what is not known from the messages.
func (s *fixture) finish(ctx context.Context, result Result) (_ Result, err error) {
	result.Kills, result.KilledMidway, result.Exits = s.counts()
	if s.pair != nil {
		result.Pair = s.pair.result()
	}
	result.Fired, result.Restored = s.tally.counts(), s.copies.agesRestored()
	for _, count := range result.Fired {
		result.Faults += count.Fired
	}
	result.SlowestSend = max(s.matrix.slowestSend(), s.wazo.slowestSend())
	result.ReaderChanges = s.readerChanges.count()
	result.Rooms, result.SecondRooms, err = s.countRooms(ctx)
	return result, err
}
