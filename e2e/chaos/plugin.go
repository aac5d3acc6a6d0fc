package chaos

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"wazo-matrix-relay/wazoapi/wazotest"
)

// plugin is Wazo's plugin for reactions and replies. People on Wazo use it while it is there.
type plugin struct {
	*fixture
	deck *deck[wazoFault]

	mu   sync.RWMutex // held for reading while somebody uses it
	away bool
}

const relationPrefix = "wazo author's reaction or reply: "

func newPlugin(s *fixture, every int) *plugin {
	faults := []wazoFault{
		{relationPrefix + "stored without event", (*wazotest.Faults).NoRelationEvent},
		{relationPrefix + "stored, not published", (*wazotest.Faults).RelationPublishFails},
	}
	faults = slices.DeleteFunc(faults, func(f wazoFault) bool { return !s.cfg.Plugin || !s.cfg.uses(f.name) })
	for _, fault := range faults {
		s.tally.expect(fault.name)
	}
	return &plugin{fixture: s, deck: newDeck(s.cfg.Seed+3, every, faults), away: !s.cfg.Plugin}
}

// relateKinds are the faults of requests that change reactions or mark replies.
func (s *fixture) relateKinds(delay time.Duration) []kind {
	kinds := slices.DeleteFunc(commonKinds(delay), func(k kind) bool {
		return !slices.Contains([]string{
			"delayed", "cut before the server saw it", "answer lost", "500 as JSON", "502 as HTML", "429 with the time in the body",
			"done, but answered 502 as HTML",
		}, k.name)
	})
	for _, f := range []wazoFault{
		{"stored, not published, answered 500", (*wazotest.Faults).RelationPublishFails},
		{"stored without event", (*wazotest.Faults).NoRelationEvent},
	} {
		kinds = append(kinds, f.asKindOf(wazoRelate, s.Wazo.Faults(), s.armed))
	}
	return kinds
}

// Parts of a hundred messages of people on Wazo after which they use the plugin.
const (
	marksReply    = 25
	marksLate     = 5 // of these
	reactsOnWazo  = 20
	unreactOnWazo = 10
)

// lateMark is more than the time for which the relay waits for the mark of a reply.
const lateMark = 700 * time.Millisecond

// emojiOfWazo is with what people on Wazo react. Two of them look the same.
var emojiOfWazo = []string{"👍", "❤", "❤️", "🎉"}

// use has an author use the plugin, perhaps, after they have written a message.
func (g *plugin) use(ctx context.Context, p *place, author wazotest.User, rng *rand.Rand, message wazotest.Message) error {
	if !g.cfg.Plugin || g.cfg.Plain {
		return nil
	}
	drawn, pick := rng.IntN(100), rng.IntN(1000)
	switch targets := g.targets(p, message.UUID); {
	case len(targets) == 0:
	case drawn < marksReply:
		if drawn < marksLate {
			if err := sleep(ctx, lateMark); err != nil {
				return err
			}
		}
		g.do(p, author, func() { g.reply(p, author, message.UUID, targets[pick%len(targets)]) })
	case drawn < marksReply+reactsOnWazo:
		g.do(p, author, func() { g.react(p, author, targets[pick%len(targets)], emojiOfWazo[pick%len(emojiOfWazo)]) })
	case drawn < marksReply+reactsOnWazo+unreactOnWazo:
		g.do(p, author, func() { g.unreact(p, author, pick) })
	}
	return nil
}

// do lets an author do something with the plugin if it is there, perhaps with a fault.
func (g *plugin) do(p *place, author wazotest.User, fn func()) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.away {
		return
	}
	fault, ok := g.deck.draw()
	if !ok {
		fn()
		return
	}
	on := fault.arm(g.Wazo.Faults(), wazotest.Times(1).By(author).InRoom(p.Wazo))
	defer on.Off()
	if fn(); on.Fired() > 0 {
		g.tally.add(fault.name)
	}
}

// reply has an author mark their message as a reply, unless chatd stores it late.
func (g *plugin) reply(p *place, author wazotest.User, message, parent string) {
	if slices.ContainsFunc(g.Wazo.Messages(p.Wazo), func(m wazotest.Message) bool { return m.UUID == message }) {
		g.Wazo.MarkReply(p.Wazo, message, parent, author)
	}
}

// react has an author react, unless they have done so.
func (g *plugin) react(p *place, author wazotest.User, message, emoji string) {
	for _, x := range g.ownReactions(p, author) {
		if x.MessageUUID == message && x.Emoji == emoji {
			return
		}
	}
	g.Wazo.React(p.Wazo, message, author, emoji)
}

// unreact has an author take one of their reactions away.
func (g *plugin) unreact(p *place, author wazotest.User, pick int) {
	if own := g.ownReactions(p, author); len(own) > 0 {
		g.Wazo.Unreact(p.Wazo, own[pick%len(own)].MessageUUID, author, own[pick%len(own)].Emoji)
	}
}

// ownReactions are those that an author has made in an app of Wazo. What the relay makes for people on Matrix has
// another emoji.
func (g *plugin) ownReactions(p *place, author wazotest.User) []wazotest.Reaction {
	return slices.DeleteFunc(g.Wazo.Reactions(p.Wazo), func(x wazotest.Reaction) bool {
		return x.UserUUID != author.UUID || isOfMatrix(x)
	})
}

// isOfMatrix says whether a reaction on Wazo was made by the relay for somebody on Matrix.
func isOfMatrix(x wazotest.Reaction) bool { return oneReaction.MatchString(x.Emoji) }

// openedBefore is how much older than a message the opening of its place must be, so that the message is surely not
// among those that were said before it.
const openedBefore = 2 * time.Second

// targets returns the newest messages on Wazo that people there may answer, or react to, the newest first: what
// somebody has said, on either side.
func (g *plugin) targets(p *place, except string) (uuids []string) {
	since := p.openSince.Load()
	if since == 0 {
		return nil
	}
	opened := time.Unix(0, since).Add(openedBefore)
	for _, message := range slices.Backward(g.Wazo.Messages(p.Wazo)) {
		if len(uuids) == lookBack || message.CreatedAt.Before(opened) {
			break
		} else if message.UUID != except && g.isSaid(message) {
			uuids = append(uuids, message.UUID)
		}
	}
	return uuids
}

// isSaid says whether a message on Wazo is what somebody has said. Which event it is from is known by its text.
func (g *plugin) isSaid(message wazotest.Message) bool {
	if g.authors.wrote(message.UUID) {
		return true
	}
	_, _, relayed := g.saidBy(message)
	text, _ := withoutLateLine(message.Content)
	said := parseLine(text)
	return relayed && said.kind == saidLine && said.text != identical
}

// change makes the plugin go or come while nobody uses it.
func (g *plugin) change(away bool, fn func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = away
	fn()
}

// end lets the plugin be there until the run is judged.
func (g *plugin) end() {
	if g.cfg.Plugin {
		g.change(false, func() { g.Wazo.SetPlugin(true) })
	}
}

// awayFor is how many times as long as other outages the plugin is away, so that the relay's look for it meets that now
// and then.
const awayFor = 4

// removePlugin takes the plugin away for a while.
func (s *fixture) removePlugin(ctx context.Context, lasts time.Duration) (bool, error) {
	s.plugin.change(true, func() { s.Wazo.SetPlugin(false) })
	defer s.plugin.change(false, func() { s.Wazo.SetPlugin(true) })
	err := sleep(ctx, awayFor*lasts)
	return err == nil, err
}

// removeTables lets the plugin lose its tables for a while.
func (s *fixture) removeTables(ctx context.Context, lasts time.Duration) (bool, error) {
	var tables *wazotest.Fault
	s.plugin.change(true, func() { tables = s.Wazo.Faults().NoPluginTables() })
	defer s.plugin.change(false, func() { tables.Off() })
	return s.while(func() *wazotest.Fault { return tables })(ctx, lasts)
}
