package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// wazoDelivery is the delivery of one row to Wazo.
type wazoDelivery struct {
	*Relay
	portal   *db.Portal
	row      *db.Row
	in       words.Language // in which the row is said, empty: that of the relay
	outside  *db.Outside    // who is outside Wazo, nil if nobody is
	by       *poster        // who posts what the row says, nil if that was not decided yet
	noPoster error          // why there is none
	cast     *cast          // see people; nil: they were not needed yet

	ready  *wazoRequest  // what is posted, if the row was marked as attempted when the one before it was recorded; nil: it was not
	acc    *account      // that posts this
	behind []*db.Row     // rows behind this one, as they were read earlier; empty: none is known
	depth  int           // how many were posted before it in the same step
	next   *wazoDelivery // that was marked when this one was recorded; nil: none
}

// wazoRequest is what is posted on Wazo for a queue row. It is stored before it is sent and never changes afterwards:
// if the outcome is unknown, this is what the history is searched for.
type wazoRequest struct {
	Account int64         `json:"account"`           // that posts
	Author  wazoapi.UUID  `json:"author,omitempty"`  // the user of Account; empty: that is the relay account
	Instead words.Instead `json:"instead,omitempty"` // why it is the relay account although the sender has an account
	Alias   string        `json:"alias"`
	Content string        `json:"content"`
	After   db.WazoTime   `json:"after"`           // the message cannot be older than this
	Once    []onceSaid    `json:"once,omitempty"`  // what is not said again after this
	Edits   id.EventID    `json:"edits,omitempty"` // the event that this one edits

	Reactions []reactionNote `json:"reactions,omitempty"` // that it shows or removes
	Number    string         `json:"number,omitempty"`    // the own number from which it is sent to somebody outside Wazo; empty: nobody is there
	Parent    wazoapi.UUID   `json:"parent,omitempty"`    // the message as a reply to which the plugin has to mark it; empty: none

	silent  bool        // nothing is posted: the plugin shows the reactions
	stays   words.Stays // nothing is posted: it does not become a text message; empty: it is posted
	also    []*db.Row   // the rows that a new request shows besides that which carries it
	account *account    // that posts a new request
	failure error       // why a new request cannot be posted; its message may have been delivered before
	media   *db.Media   // the file that a new request links to, nil if there is none
	forms   []form      // how a new request may have been posted before
	posted  form        // how a new request is posted
	written time.Time   // when the message of a new request was written
}

// form is a way in which a message may have been posted: through the relay account, or through that of its sender.
type form struct {
	author wazoapi.UUID // empty: the relay account
	alias  string
	since  db.WazoTime // the message cannot be older than this
	texts  []string    // its text if its key came late, and if it did not
}

// isOwn reports whether the account of the sender posts the request.
func (q *wazoRequest) isOwn() bool { return q.Author != "" }

// isNew reports whether the request was made now, and not stored by an earlier attempt. It is false for the
// introduction.
func (q *wazoRequest) isNew() bool { return q.forms != nil }

// run delivers the row.
func (d *wazoDelivery) run(ctx context.Context) (outcome, error) {
	row := d.row
	if d.ready != nil {
		return d.post(ctx, d.acc, d.ready, wazoapi.Identity{}) // no text message is made ready ahead
	}
	if row.Kind == db.KindIntroduction && d.readers.of(d.portal) == nil {
		return outcomeStopped, &messageError{why: words.WhyLinkerLeft} // nobody elects a reader before the link has begun
	}
	if result, done, err := d.undoMerge(ctx); err != nil || done {
		return result, err
	}
	var err error
	if d.outside, err = d.outsideOf(ctx, d.portal); err != nil {
		return outcomeStopped, err
	}
	request, encrypted, err := d.request(ctx)
	switch {
	case errors.Is(err, errWaits):
		return outcomeStopped, nil
	case errors.Is(err, convert.ErrEmpty):
		return outcomeChanged, d.remove(ctx, OutcomeNothing) // there is nothing that could be shown
	case err != nil:
		return outcomeStopped, err
	case encrypted != nil:
		return d.awaitKey(ctx, encrypted)
	case request.stays != "":
		return outcomeChanged, d.stay(ctx, request.stays)
	case request.silent:
		return outcomeChanged, d.recordSilently(ctx, request) // nothing was asked of Wazo, so it is not known to work
	}
	if (row.State == db.StateAttempted || d.mayBeTexted()) && !sabotaged("reconcile") {
		if found, looked, err := d.findOnWazo(ctx, request); err != nil || !looked {
			return outcomeStopped, err
		} else if found != nil {
			return outcomeDelivered, d.recordFound(ctx, request, *found)
		}
	}
	if before, err := d.findDelivered(ctx, request); err != nil {
		return outcomeStopped, err
	} else if before != nil {
		return outcomeDelivered, d.recordFound(ctx, request, *before)
	} else if isTakenBack(row) {
		return outcomeChanged, d.remove(ctx, OutcomeTakenBack) // it is certain now that it was not posted
	} else if edited, err := d.takeEdit(ctx); err != nil {
		return outcomeStopped, err
	} else if edited {
		return outcomeChanged, nil
	} else if err = d.markOvertaken(ctx, request); err != nil {
		return outcomeStopped, err
	}
	acc, err := d.accountOf(ctx, request)
	if err != nil {
		return outcomeStopped, err
	} else if acc == nil && request.isNew() {
		return outcomeChanged, d.leave(ctx)
	} else if acc == nil {
		return outcomeChanged, d.withdraw(ctx)
	}
	number, result, done, err := d.mayText(ctx, acc, request)
	if err != nil || done {
		return result, err
	}
	if there, err := d.attempt(ctx, request); err != nil {
		return outcomeStopped, err
	} else if !there {
		return outcomeChanged, nil
	}
	return d.post(ctx, acc, request, number)
}

// post posts a request that is stored, and records that it is delivered. To somebody outside Wazo it is sent from
// number.
func (d *wazoDelivery) post(ctx context.Context, acc *account, request *wazoRequest, number wazoapi.Identity) (outcome, error) {
	row := d.row
	prepared := d.prepareNext(ctx)
	message, err := d.postMessage(ctx, acc, request, number)
	next := prepared()
	if err == nil {
		d.posters.works(acc, d.wazoRoom())
		return outcomeDelivered, d.recordToWazo(ctx, request, message, next)
	}
	err = d.attemptFailed(ctx, row, err)
	if !request.isOwn() {
		return outcomeStopped, err
	} else if row.Kind == db.KindIntroduction {
		return outcomeStopped, d.introductionFailed(ctx, acc, err)
	}
	return d.ownPostFailed(ctx, acc, err)
}

func (d *wazoDelivery) wazoRoom() wazoapi.UUID { return wazoapi.UUID(d.portal.WazoRoom) }

// postedBy returns the account that posts what the row says, or why none can. It decides that once.
func (d *wazoDelivery) postedBy(ctx context.Context) (poster, error) {
	if d.by == nil {
		by, err := d.posters.of(ctx, d.portal, id.UserID(d.row.Author), d.row.AcceptedAt.Time)
		d.by, d.noPoster = &by, err
	}
	return *d.by, d.noPoster
}

// usesPlugin reports whether there is an account that posts what the row says, and it can use the plugin for reactions
// and replies.
func (d *wazoDelivery) usesPlugin(ctx context.Context) bool {
	by, err := d.postedBy(ctx)
	return err == nil && by.account != nil && by.hasPlugin()
}

// accountOf returns the account that posts a request, nil if another one has to post the message: the sender has logged
// out, or the sender's account cannot post in this room any more.
func (d *wazoDelivery) accountOf(ctx context.Context, request *wazoRequest) (*account, error) {
	switch {
	case request.failure != nil:
		return nil, request.failure
	case request.account != nil || request.isNew():
		return request.account, nil
	case !request.isOwn():
		return d.posters.relayIn(ctx, d.portal)
	}
	acc := d.accounts.withID(request.Account)
	if acc == nil || acc.uuid() != request.Author {
		return nil, nil
	} else if d.row.Kind == db.KindIntroduction {
		return acc, nil
	} else if why, err := d.posters.whyNot(ctx, acc, d.wazoRoom(), d.row.AcceptedAt.Time); err != nil || why != "" {
		return nil, err
	}
	return acc, nil
}

// ownPostFailed decides what the failure of a post through the sender's own account means.
func (d *wazoDelivery) ownPostFailed(ctx context.Context, acc *account, err error) (outcome, error) {
	unknown := d.row.State != db.StateNew || classify(err).Unknown
	if _, err = d.posters.failed(ctx, acc, d.wazoRoom(), d.row.AcceptedAt.Time, true, err); err != nil {
		return outcomeStopped, err
	} else if !unknown {
		return outcomeChanged, d.withdraw(ctx)
	}
	return outcomeChanged, nil // this attempt, or an earlier one, may have been carried out: it is looked for once more
}

// introductionFailed returns what keeps a person's account from posting the introduction. No other account may do that:
// the link was made with this one.
func (d *wazoDelivery) introductionFailed(ctx context.Context, acc *account, err error) error {
	failure := d.readers.failedAlone(ctx, acc, err)
	if failure == nil {
		return &messageError{words.WhyOwnAccount, err}
	}
	return d.readers.readError(acc, failure)
}

// withdraw gives up a request that was certainly not carried out, so that another account posts the message.
func (d *wazoDelivery) withdraw(ctx context.Context) error {
	d.poison.Forget(d.row.ID)
	zerolog.Ctx(ctx).Debug().Msg("The sender's own account cannot post a message any more")
	if merged, err := d.db.Queue.IsMerged(ctx, d.row.ID); err != nil {
		return err
	} else if merged {
		return d.db.Queue.Unmerge(ctx, d.row.ID)
	}
	_, err := d.db.Queue.Withdraw(ctx, d.row)
	return err
}

// remove removes the row, which is not delivered.
func (d *wazoDelivery) remove(ctx context.Context, outcome Outcome) error {
	there, err := d.db.Queue.Delete(ctx, d.row.ID)
	if there {
		d.counts.finished(ctx, d.row, outcome)
	}
	return err
}

// letGo removes the row, which is not delivered, and tells its sender in the same transaction.
func (d *wazoDelivery) letGo(ctx context.Context, outcome Outcome, tell func(ctx context.Context) error) error {
	return d.db.DoTxn(ctx, func(ctx context.Context) error {
		if there, err := d.db.Queue.Delete(ctx, d.row.ID); err != nil || !there {
			return err
		}
		d.counts.finished(ctx, d.row, outcome)
		return tell(ctx)
	})
}

// leave lets a message go that nobody can post on Wazo. The sender is told, once, that they are not heard there, and
// what to do.
func (d *wazoDelivery) leave(ctx context.Context) error {
	sender := id.UserID(d.row.Author)
	zerolog.Ctx(ctx).Debug().Stringer("sender", sender).Msg("No account can post a message, so it is not relayed")
	return d.letGo(ctx, OutcomeUnheard, func(ctx context.Context) error {
		if first, err := d.db.Told.Tell(ctx, sender, d.portal.ID, toldUnheard); err != nil || !first {
			return err
		} else if d.outside != nil {
			return d.Say(ctx, d.portal.MatrixRoom, d.texts.OnlyTheOwnerSends(), id.EventID(d.row.SourceID))
		}
		return d.SayTo(ctx, sender, d.texts.NotHeardOnWazo(d.portal.MatrixRoom.String(), d.portal.Title, d.accounts.login(sender) != nil))
	})
}

// toldUnheard is what db.Told keeps of people who were told that Wazo cannot hear them.
const toldUnheard = "unheard"

// request returns what is posted for the row: the stored request if there is one, else a new one. If the row cannot be
// read because its key is missing, it returns the encrypted event instead.
func (d *wazoDelivery) request(ctx context.Context) (request *wazoRequest, encrypted *event.Event, err error) {
	if d.row.HasRequest() {
		request, err = d.storedRequest(ctx)
		return request, nil, err
	} else if d.row.Kind == db.KindIntroduction {
		request, err = d.introduction(ctx)
		return request, nil, err
	}
	evt := &event.Event{}
	if err = json.Unmarshal([]byte(d.row.Payload), evt); err != nil {
		return nil, nil, &messageError{words.WhyUnreadable, err}
	} else if evt.Type.Type == event.EventEncrypted.Type {
		return nil, evt, nil
	}
	if edits, err := d.editsCommand(ctx, evt); err != nil {
		return nil, nil, err
	} else if edits {
		return nil, nil, convert.ErrEmpty
	}
	switch stays := d.stays(evt); stays {
	case "":
	case words.StaysEdit:
		if revived, err := d.reviveEdited(ctx, evt, editedBy(evt)); err != nil {
			return nil, nil, err
		} else if revived {
			return nil, nil, errWaits // the message that it edits was set aside, and goes out with the new text
		}
		return &wazoRequest{stays: stays}, nil, nil
	default:
		return &wazoRequest{stays: stays}, nil, nil
	}
	request, err = d.convert(ctx, evt)
	return request, nil, err
}

// storedRequest reads the request of a row that was attempted before.
func (d *wazoDelivery) storedRequest(ctx context.Context) (*wazoRequest, error) {
	stored, err := d.db.Queue.Request(ctx, d.row.ID, d.row.Part)
	if err != nil {
		return nil, err
	}
	request := &wazoRequest{}
	if err = json.Unmarshal([]byte(stored), request); err != nil {
		return nil, &messageError{words.WhyBroken, err}
	}
	return request, nil
}

// introduction is the request of the message that starts a link on Wazo.
// The account that reads the chat posts it.
func (d *wazoDelivery) introduction(ctx context.Context) (*wazoRequest, error) {
	acc := d.readers.of(d.portal)
	newest, err := d.newestOnWazo(ctx, acc)
	request := &wazoRequest{Account: acc.row.ID, Content: d.row.Payload, After: newest, account: acc}
	if acc == d.account {
		return request, err
	} else if err != nil {
		return nil, d.introductionFailed(ctx, acc, err)
	}
	request.Author = acc.uuid()
	return request, nil
}

// attempt stores the request, with the file that it links to, before it is sent: a link must not be posted before it
// leads somewhere. It reports false if the row has changed.
func (d *wazoDelivery) attempt(ctx context.Context, request *wazoRequest) (there bool, err error) {
	data, err := json.Marshal(request)
	if err != nil {
		return false, fmt.Errorf("failed to store the request of %s: %w", d.row.SourceID, err)
	}
	isNew := !d.row.HasRequest()
	if request.isOwn() {
		d.echoes.authors.Add(request.Author)
		d.echoes.posting.Add(d.portal.ID)
	}
	err = d.db.DoTxn(ctx, func(ctx context.Context) error {
		if len(request.also) > 0 {
			there, err = d.markMerged(ctx, request.also, string(data))
		} else {
			there, err = d.markAttempted(ctx, d.row, string(data))
		}
		if err != nil || !there {
			return err
		} else if !isNew {
			return d.extendMedia(ctx)
		} else if request.media != nil {
			if err = d.db.Media.Put(ctx, request.media); err != nil {
				return err
			}
		}
		return d.sayParts(ctx, request)
	})
	return there, err
}
