package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/wazoapi"
)

// If Wazo has the plugin for reactions and replies, people there see the replies and reactions of Matrix as such: these
// are "native", that is, made by the plugin. A message is posted first and marked as a reply after that, and a reaction
// is added or removed by a request of its own. When a row of the queue is recorded, what is still to be made for it is
// stored in the same transaction (db/native.go): it is owed. This file then has it made. All of these requests can be
// repeated, so nothing has to be known of earlier attempts. As long as the plugin is away, they wait.

// natives have the replies and reactions of people on Matrix made on Wazo. They are safe for concurrent use.
type natives struct {
	*Relay
	every  time.Duration // between the first two attempts while the plugin, or the account, is away
	kept   time.Duration // for how long an attempt is made
	missed time.Duration // for how long it is believed that the plugin is away after a request missed it

	mu      sync.Mutex
	unknown map[string]int      // how often Wazo did not know the message of a request, by its name
	next    map[int64]time.Time // when a portal is looked at again at the latest
	waits   map[int64]int       // how often in a row that was in vain
}

// nativeKept is how long Wazo is asked to make a reply or reaction.
const nativeKept = 7 * 24 * time.Hour

// unknownTries is how often Wazo is asked about a message that it does not know: it announces messages before it stores
// them (docs/wazo.md, "Event before commit").
const unknownTries = 5

// errNoAccount says that nobody is logged in with the account that Wazo has to be asked with, or as another user.
var errNoAccount = errors.New("nobody is logged in with the account")

func newNatives(r *Relay) *natives {
	return &natives{
		Relay: r, every: r.cfg.ProbeInterval, kept: nativeKept, missed: r.cfg.PluginMissed,
		unknown: make(map[string]int), next: make(map[int64]time.Time), waits: make(map[int64]int),
	}
}

// wake has everything made that is still to be made on Wazo, within a transaction when that is committed.
func (n *natives) wake(ctx context.Context) error {
	portals, err := n.db.ReplyMark.OwingPortals(ctx)
	for _, portalID := range portals {
		n.wakeAfterCommit(ctx, portalID)
	}
	return err
}

// wakeAfterCommit has made what is still to be made in a portal when the transaction of the context is committed.
func (n *natives) wakeAfterCommit(ctx context.Context, portalID int64) {
	db.AfterCommit(ctx, func() { n.tasks.Wake(portalJob(jobNative, portalID)) })
}

// owe stores, within a transaction, that an account has to mark a message as a reply.
func (n *natives) owe(ctx context.Context, portalID, account int64, child, parent wazoapi.UUID) error {
	n.wakeAfterCommit(ctx, portalID)
	return n.db.ReplyMark.Owe(ctx, &db.ReplyMark{
		PortalID: portalID, WazoUUID: string(child), Parent: string(parent), Account: account, Since: jsontime.UM(time.Now()),
	})
}

// isFromMatrix reports whether a reaction on Wazo was made for somebody on Matrix. See [db.NativeReactions.Has] for
// when to ask.
func (n *natives) isFromMatrix(ctx context.Context, portalID int64, x wazoapi.Reaction) (bool, error) {
	if n.accounts.isRelay(x.User) {
		return true, nil
	}
	return n.db.Native.Has(ctx, portalID, string(x.Message), string(x.User), wazoapi.NormalEmoji(x.Emoji))
}

// pluginRequest asks the plugin for one thing that is still to be made on Wazo.
type pluginRequest struct {
	name    string
	since   db.Time
	account int64
	user    wazoapi.UUID // whose account that must be; empty: it does not matter
	byOther bool         // any other member of the Wazo room may ask for it as well
	ask     func(ctx context.Context, acc *account) error
	done    func(ctx context.Context) error // stores that Wazo has made it
	drop    func(ctx context.Context) error // stores that it is not owed any more

	reaction *db.NativeReaction // that is asked for; nil: it is a reply
}

// settle has everything made that is still to be made in a portal. It returns the errors after which the next attempt
// is to follow soon.
func (n *natives) settle(ctx context.Context, portalID int64) error {
	portal, err := n.db.Portal.ByID(ctx, portalID)
	if err != nil || portal == nil {
		return err
	}
	requests, err := n.pendingRequests(ctx, portal)
	if err != nil {
		return err
	}
	return n.settleAll(ctx, portal, requests)
}

// lostConnections is after how many lost connections the rest of what Wazo owes in a portal is not asked for now: it
// would only take its time. One may be about a single request.
const lostConnections = 2

// settleAll asks for what Wazo owes in a portal.
func (n *natives) settleAll(ctx context.Context, portal *db.Portal, requests []pluginRequest) error {
	givenUp, err := n.askAll(ctx, portal, requests)
	return errors.Join(err, n.giveUp(ctx, portal, givenUp))
}

// askAll makes requests, one after the other. It returns those that are to be given up.
func (n *natives) askAll(ctx context.Context, portal *db.Portal, requests []pluginRequest) (givenUp []pluginRequest, err error) {
	var failed []error
	waits, lost, isAnyDone := false, 0, false
	oldest := n.oldestKept(requests)
	for _, request := range requests {
		err := n.ask(ctx, portal, request)
		if n.tasks.Stopping() && err != nil {
			return nil, nil // the error may only say that
		}
		switch fate := n.fateOf(request, err, oldest); fate {
		case fateDone:
			isAnyDone = true
			if err = request.done(ctx); err != nil {
				return givenUp, err
			}
		case fateDropped:
			zerolog.Ctx(ctx).Warn().Err(err).Str("what", request.name).Msg("Gave up a reply or reaction on Wazo")
			givenUp = append(givenUp, request)
		case fateWaits:
			waits = true
		case fateFailed:
			failed = append(failed, err)
			if _, isLost := errors.AsType[*wazoapi.TransportError](err); isLost {
				if lost++; lost == lostConnections {
					return givenUp, errors.Join(failed...)
				}
			}
		}
	}
	if isAnyDone || !waits {
		n.startOver(portal.ID)
	}
	if waits {
		n.lookAgain(portal.ID)
	}
	return givenUp, errors.Join(failed...)
}

// oldestKept returns since when a request must have been owed at the latest to be given up when it fails. If one of the
// requests is given up because of its age, those of the same day are, too, so that people are told of all of them at
// once.
func (n *natives) oldestKept(requests []pluginRequest) time.Time {
	oldest := time.Now().Add(-n.kept)
	for _, request := range requests {
		if request.since.Before(oldest) {
			return oldest.Add(min(24*time.Hour, n.kept/2))
		}
	}
	return oldest
}

// giveUp stores that requests are not made any more. People are told of reactions of which they would not hear
// otherwise.
func (n *natives) giveUp(ctx context.Context, portal *db.Portal, requests []pluginRequest) error {
	if len(requests) == 0 {
		return nil
	}
	return n.db.DoTxn(ctx, func(ctx context.Context) error {
		var reactions []*db.NativeReaction
		for _, request := range requests {
			if request.reaction != nil {
				reactions = append(reactions, request.reaction)
			}
		}
		if err := (givenUpReactions{n.Relay, portal}).say(ctx, reactions); err != nil {
			return err
		}
		for _, request := range requests {
			if err := request.drop(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// pendingRequests returns the requests for what is still to be made in a portal.
func (n *natives) pendingRequests(ctx context.Context, portal *db.Portal) (requests []pluginRequest, err error) {
	room := wazoapi.UUID(portal.WazoRoom)
	marks, err := n.db.ReplyMark.Owed(ctx, portal.ID)
	if err != nil {
		return nil, err
	}
	for _, mark := range marks {
		requests = append(requests, pluginRequest{
			name: "reply " + mark.WazoUUID, since: mark.Since, account: mark.Account, byOther: true,
			ask: func(ctx context.Context, acc *account) error {
				return acc.api.MarkReply(ctx, room, wazoapi.UUID(mark.WazoUUID), wazoapi.UUID(mark.Parent))
			},
			done: func(ctx context.Context) error { return n.db.ReplyMark.Drop(ctx, mark) },
			drop: func(ctx context.Context) error { return n.db.ReplyMark.Drop(ctx, mark) },
		})
	}
	reactions, err := n.db.Native.Owed(ctx, portal.ID)
	if err != nil {
		return nil, err
	}
	for _, reaction := range reactions {
		requests = append(requests, pluginRequest{
			name:  fmt.Sprintf("%s %s to %s of %s", reaction.State, reaction.Emoji, reaction.WazoUUID, reaction.User),
			since: reaction.Since, account: reaction.Account, user: wazoapi.UUID(reaction.User),
			ask: func(ctx context.Context, acc *account) error {
				if reaction.State == db.NativeRemoving {
					return acc.api.RemoveReaction(ctx, room, wazoapi.UUID(reaction.WazoUUID), reaction.Spelling)
				}
				return acc.api.AddReaction(ctx, room, wazoapi.UUID(reaction.WazoUUID), reaction.Spelling)
			},
			done: func(ctx context.Context) error { return n.db.Native.Done(ctx, reaction) },
			drop: func(ctx context.Context) error { return n.db.Native.Drop(ctx, reaction) }, reaction: reaction,
		})
	}
	return requests, nil
}

// ask makes a request, with another account if that is possible and its own one cannot make it.
func (n *natives) ask(ctx context.Context, portal *db.Portal, request pluginRequest) error {
	acc := n.accounts.withID(request.account)
	err := errNoAccount
	if acc != nil && !acc.refused.Load() && (request.user == "" || request.user == acc.uuid()) {
		err = n.askPlugin(ctx, portal, acc, request)
	}
	reader := n.readers.of(portal)
	isAway := errors.Is(err, errNoAccount) || errors.Is(err, wazoapi.ErrNotMember)
	if !isAway || !request.byOther || reader == nil || reader == acc {
		return err
	}
	return n.askPlugin(ctx, portal, reader, request)
}

// askPlugin makes a request with an account, unless it is known that the plugin is away: then an event says when it is
// back.
func (n *natives) askPlugin(ctx context.Context, portal *db.Portal, acc *account, request pluginRequest) error {
	if !acc.stream().plugin.Load() {
		return wazoapi.ErrNoPlugin
	}
	err := request.ask(ctx, acc)
	if errors.Is(err, wazoapi.ErrNoPlugin) {
		acc.stream().noteMissed(n.missed)
	} else if err == nil && acc.stream().noteFound() {
		n.tasks.Wake(portalJob(jobRelations, portal.ID)) // people on Wazo may have used it meanwhile
	}
	return err
}

// fate is what becomes of a request after an attempt.
type fate int

const (
	fateDone    fate = iota
	fateFailed       // it is asked for again soon
	fateWaits        // it is asked for again after a while, or when the plugin is back
	fateDropped      // it is not asked for again
)

// fateOf decides what becomes of a request after an attempt that ended with err. It is given up if it has been owed
// since before a time.
func (n *natives) fateOf(request pluginRequest, err error, oldest time.Time) fate {
	isUnknown := errors.Is(err, wazoapi.ErrUnknownMessage)
	tries := n.countUnknown(request.name, isUnknown)
	failure := classify(err)
	fate := fateFailed
	switch {
	case err == nil:
		return fateDone
	case isUnknown && tries < unknownTries:
	case isUnknown, errors.Is(err, wazoapi.ErrOtherReply), errors.Is(err, wazoapi.ErrInvalidUUID), errors.Is(err, wazoapi.ErrInvalidEmoji), failure.Class == ClassMessage:
		return fateDropped
	case errors.Is(err, wazoapi.ErrNoPlugin), errors.Is(err, errNoAccount), errors.Is(err, wazoapi.ErrTooManySessions), failure.Class == ClassPortal:
		fate = fateWaits
	}
	if request.since.Before(oldest) {
		return fateDropped
	}
	return fate
}

// countUnknown counts how often in a row Wazo did not know the message of a request.
func (n *natives) countUnknown(name string, isUnknown bool) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !isUnknown {
		delete(n.unknown, name)
		return 0
	}
	n.unknown[name]++
	if tries := n.unknown[name]; tries < unknownTries {
		return tries
	}
	delete(n.unknown, name)
	return unknownTries
}

// nativeLongest is the longest time between two attempts while the plugin, or an account, is away. An event says when
// the plugin is back.
const nativeLongest = time.Hour

// lookAgain has a portal looked at again after a while, which grows.
func (n *natives) lookAgain(portalID int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); !n.next[portalID].After(now) {
		n.waits[portalID]++
		pause := task.Backoff{First: n.every, Longest: max(n.every, nativeLongest)}.WithoutJitter(n.waits[portalID])
		n.next[portalID] = now.Add(pause)
		n.tasks.WakeAfter(pause, portalJob(jobNative, portalID))
	}
}

// startOver lets the pauses of a portal begin again with the shortest.
func (n *natives) startOver(portalID int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.waits, portalID)
	delete(n.next, portalID)
}
