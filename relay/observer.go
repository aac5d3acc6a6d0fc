package relay

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
)

// Outcome says how a message has left its queue, or that it cannot be delivered.
type Outcome string

// The outcomes.
const (
	OutcomeDelivered Outcome = "delivered"  // it is on the other side
	OutcomeNothing   Outcome = "nothing"    // there was nothing to show of it
	OutcomeParked    Outcome = "parked"     // it was refused, and waits for a person; it may leave by another outcome later
	OutcomeDropped   Outcome = "dropped"    // a person has dropped it
	OutcomeNoKey     Outcome = "no_key"     // its key did not come in time
	OutcomeUnheard   Outcome = "unheard"    // no account can post it on Wazo
	OutcomeNotSent   Outcome = "not_sent"   // it does not become a text message, as its sender was told
	OutcomeTakenBack Outcome = "taken_back" // its sender took it back, or edited it, before it was posted
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome {
	return []Outcome{OutcomeDelivered, OutcomeNothing, OutcomeParked, OutcomeDropped, OutcomeNoKey, OutcomeUnheard, OutcomeNotSent, OutcomeTakenBack}
}

// Observer is told what becomes of messages, so that it can be counted. It is told of nothing that is rolled back. Its
// methods must not wait, and are called by many goroutines.
type Observer interface {
	// Accepted is called for each message that was put into a queue.
	Accepted(direction db.Direction)
	// Finished is called for each message that has left its queue, or was parked, with the time since it was accepted.
	Finished(direction db.Direction, outcome Outcome, after time.Duration)
	// Retrying is called when a job has failed, with the pause until it is tried again.
	Retrying(job string, pause time.Duration)
}

// nobody is an Observer that does nothing.
type nobody struct{}

var _ Observer = nobody{}

// Accepted implements Observer.
func (nobody) Accepted(db.Direction) {}

// Finished implements Observer.
func (nobody) Finished(db.Direction, Outcome, time.Duration) {}

// Retrying implements Observer.
func (nobody) Retrying(string, time.Duration) {}

// counts tells the observer, and the log at the level debug, what becomes of messages, when it is committed. Messages
// of the relay itself are not counted.
type counts struct {
	observer Observer
	log      zerolog.Logger
}

// accepted notes that a row was put into its queue in the transaction that ctx carries.
func (c counts) accepted(ctx context.Context, row *db.Row) {
	if row.Kind != db.KindMessage {
		return
	}
	db.AfterCommit(ctx, func() {
		c.observer.Accepted(row.Direction)
		c.line(row).Msg("Accepted a message")
	})
}

// delivered notes that a row was delivered in the transaction that ctx carries, as what has an id on the other side.
func (c counts) delivered(ctx context.Context, row *db.Row, as string) {
	if row.Kind == db.KindMessage {
		db.AfterCommit(ctx, func() { c.end(row, OutcomeDelivered, as) })
	}
}

// finished notes what became of a row in the transaction that ctx carries, if nothing on the other side has an id of
// its own.
func (c counts) finished(ctx context.Context, row *db.Row, outcome Outcome) {
	if row.Kind == db.KindMessage {
		db.AfterCommit(ctx, func() { c.end(row, outcome, "") })
	}
}

func (c counts) end(row *db.Row, outcome Outcome, as string) {
	after := time.Since(row.AcceptedAt.Time)
	c.observer.Finished(row.Direction, outcome, after)
	line := c.line(row).Str("outcome", string(outcome)).Dur("after", after)
	if as != "" {
		line = line.Str("delivered_as", as)
	}
	line.Msg("Finished a message")
}

func (c counts) line(row *db.Row) *zerolog.Event {
	return c.log.Debug().Str(MessageIDField, row.SourceID).Int64("portal_id", row.PortalID).Str("direction", string(row.Direction))
}
