package relay

import (
	"context"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/ratelimit"
	"wazo-matrix-relay/relay/words"
)

// smsLimits bound what text messages may cost, and how many rooms a flood of unknown numbers makes. What is above a
// limit waits, and is told once. It is safe for concurrent use.
type smsLimits struct {
	sent  *ratelimit.Limit[int64]  // text messages by portal
	rooms *ratelimit.Limit[int64]  // new rooms by account
	told  *ratelimit.Limit[string] // notices by room or person
}

const (
	// smsPerHour is how many text messages are sent in a room within an hour: more than a person writes, and few enough
	// to bear if two programs answer each other.
	smsPerHour = 60
	// smsRoomsPerHour is how many rooms open by themselves for a person within an hour, because unknown numbers write.
	smsRoomsPerHour = 20
)

func newSMSLimits(perHour, roomsPerHour int) *smsLimits {
	return &smsLimits{
		sent: ratelimit.New[int64](perHour, time.Hour, time.Now), rooms: ratelimit.New[int64](roomsPerHour, time.Hour, time.Now),
		told: ratelimit.New[string](1, time.Hour, time.Now),
	}
}

// maySend reports whether one more text message may be sent in a room now. If not, the queue goes on when it may, and
// the people in the room are told.
func (d *wazoDelivery) maySend(ctx context.Context) (bool, error) {
	wait := d.smsLimits.sent.Take(d.portal.ID)
	if wait <= 0 {
		return true, nil
	}
	d.waits.note(d.row.Queue(), words.WaitTextLimit, time.Now())
	d.tasks.WakeAfter(wait, queueJob(d.row.Queue()))
	if d.smsLimits.told.Take(d.portal.MatrixRoom.String()) > 0 {
		return false, nil
	}
	return false, d.db.DoTxn(ctx, func(ctx context.Context) error {
		return d.Say(ctx, d.portal.MatrixRoom, d.texts.TextMessagesLimited(d.cfg.SMS.perHour()), id.EventID(d.row.SourceID))
	})
}

// mayOpenOutside reports whether one more room may be made now because somebody outside Wazo writes. If not, it is made
// when it may, and the people are told.
func (o *openings) mayOpenOutside(ctx context.Context, opening *db.Opening, plan *RoomPlan, people []candidate, reader *account) (bool, error) {
	if !isByStranger(opening, plan, people) {
		return true, nil
	}
	wait := o.smsLimits.rooms.Take(reader.row.ID)
	if wait <= 0 {
		return true, nil
	}
	o.tasks.WakeAfter(wait, job{kind: jobOpen, wazoRoom: plan.Marker.WazoRoom})
	return false, o.db.DoTxn(ctx, func(ctx context.Context) error {
		for _, person := range people {
			if o.smsLimits.told.Take(person.user.String()) > 0 {
				continue
			} else if err := o.SayTo(ctx, person.user, o.texts.ManyUnknownNumbers(o.cfg.SMS.roomsPerHour())); err != nil {
				return err
			}
		}
		return nil
	})
}

// giveBackOutside takes back that a room was made, as mayOpenOutside has counted: it could not be made. Otherwise a
// homeserver that is away for some minutes would look like a flood, because the room is tried again and again.
func (o *openings) giveBackOutside(opening *db.Opening, plan *RoomPlan, people []candidate, reader *account) {
	if isByStranger(opening, plan, people) {
		o.smsLimits.rooms.GiveBack(reader.row.ID)
	}
}

// isByStranger reports whether a room opens because somebody outside Wazo writes, and not because somebody asked for
// it, be it only when the room was wanted already.
func isByStranger(opening *db.Opening, plan *RoomPlan, people []candidate) bool {
	isAsked := slices.ContainsFunc(people, func(c candidate) bool { return c.asked })
	return plan.Marker.Number != "" && !opening.From.IsZero() && !isAsked
}

func (c SMSConfig) perHour() int {
	if c.PerHour > 0 {
		return c.PerHour
	}
	return smsPerHour
}

func (c SMSConfig) roomsPerHour() int {
	if c.RoomsPerHour > 0 {
		return c.RoomsPerHour
	}
	return smsRoomsPerHour
}
