package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// open makes the Matrix room of a Wazo room. If it may have been made before, that is found out first. A database that
// was restored from an older copy does not know that it was: then /sync brings the room.
func (o *openings) open(ctx context.Context, wazoRoom wazoapi.UUID) error {
	if !o.startup.isWhole() {
		return nil // wakeWanted has it looked at again
	}
	ctx, cancel := o.tasks.UntilStop(ctx)
	defer cancel()
	opening, err := o.db.Opening.Get(ctx, string(wazoRoom))
	if err != nil || opening == nil {
		return err
	}
	if !opening.AttemptedAt.IsZero() {
		if there, err := o.wasMade(ctx, opening); err != nil || there {
			return err
		}
	}
	// This is asked before the plan is made, too: whoever logs in meanwhile is in neither, and has it looked at again.
	awaited, awaitedErr := o.awaitsLogIn(ctx, wazoRoom)
	plan, people, reader, err := o.plan(ctx, opening)
	if err != nil {
		return err
	} else if plan == nil && (awaitedErr != nil || awaited) {
		return awaitedErr
	} else if plan == nil {
		if waits, err := o.awaitsLogIn(ctx, wazoRoom); err != nil || waits {
			return err
		}
		return o.giveUp(ctx, wazoRoom)
	}
	if may, err := o.mayOpenOutside(ctx, opening, plan, people, reader); err != nil || !may {
		return err
	}
	if there, err := o.db.Opening.MarkAttempted(ctx, string(wazoRoom), jsontime.UM(time.Now())); err != nil || !there {
		return err
	}
	room, err := o.matrix.MakeRoom(ctx, *plan)
	if err != nil {
		o.giveBackOutside(opening, plan, people, reader)
		return o.failed(context.WithoutCancel(ctx), opening, plan.Name, people, err)
	}
	return o.record(context.WithoutCancel(ctx), room, plan.Marker, reader)
}

// wasMade reports whether an earlier attempt to make a Matrix room has succeeded after all: then /sync brings the room,
// which is adopted as soon as it comes.
func (o *openings) wasMade(ctx context.Context, opening *db.Opening) (bool, error) {
	if err := o.settleSince(ctx, opening.AttemptedAt.Time); err != nil {
		return false, err
	} else if err = o.matrix.Resync(ctx); err != nil {
		return false, fmt.Errorf("failed to wait for the next sync: %w", err)
	}
	current, err := o.db.Opening.Get(ctx, opening.WazoRoom)
	zerolog.Ctx(ctx).Info().Str("wazo_room", opening.WazoRoom).Bool("found", current == nil).Msg("Looked for a room that may have been made")
	return current == nil, err
}

// plan decides what the Matrix room of a Wazo room is like, who is to be invited, and which account reads the Wazo
// room. It returns no plan if nobody is to be invited, or if the Wazo room has a portal by now.
func (o *openings) plan(ctx context.Context, opening *db.Opening) (*RoomPlan, []candidate, *account, error) {
	if portal, err := o.db.Portal.ByWazoRoom(ctx, opening.WazoRoom); err != nil || portal != nil {
		return nil, nil, nil, err
	}
	reader, room, err := o.anyMember(ctx, wazoapi.UUID(opening.WazoRoom), nil, o.cfg.maxMemberListAge())
	if err != nil || reader == nil {
		return nil, nil, nil, err
	}
	people, err := o.wanted(ctx, room)
	if err != nil || len(people) == 0 {
		return nil, nil, nil, err
	}
	invited := make([]wazoapi.UUID, len(people))
	for i, person := range people {
		invited[i] = person.wazo
	}
	lag := o.cfg.CommitLag
	if room.HasIdentities() {
		lag = o.cfg.OutsideLag
	}
	from, until, err := o.backfill(ctx, reader, room.UUID, opening.From, lag)
	if err != nil {
		return nil, nil, nil, err
	}
	title, err := o.conversationTitle(ctx, room, invited)
	if err != nil {
		o.log.Warn().Err(err).Msg("Failed to look up names for a room's title") // it is renamed later
	}
	plan := &RoomPlan{
		Name: title, Topic: o.texts.ConversationTopic(), Encrypted: o.cfg.EncryptRooms,
		Marker: RoomMarker{WazoRoom: room.UUID, Title: title, Direct: isDirect(room), From: from, Until: until},
	}
	if outside, ok := room.Outside(); ok {
		plan.Marker.Participant, plan.Marker.Number = outside.UUID, outside.Identity
		if plan.Topic, err = o.outsideTopic(ctx, reader, room.UUID, outside.Identity); err != nil {
			o.log.Warn().Err(err).Msg("Failed to look up the own numbers for a room's topic") // it is set later
		}
	}
	return plan, people, reader, nil
}

// anyMember returns an account that is a member of a Wazo room, and the room. It is the one that probably is, if that
// is given and true, else the relay account, else that of a person. anyMember returns no account if none is a member.
// The rooms as last listed are believed for the time kept.
func (o *openings) anyMember(ctx context.Context, room wazoapi.UUID, probably *account, kept time.Duration) (*account, wazoapi.Room, error) {
	members, others := o.accounts.membersFirst(room)
	all := append(members, others...)
	if probably != nil {
		all = slices.Insert(all, 0, probably)
	}
	var failed error
	for _, acc := range all {
		found, member, err := o.roomOf(ctx, acc, room, kept)
		if err != nil {
			failed = errors.Join(failed, err)
		} else if member {
			return acc, found, nil
		}
	}
	return nil, wazoapi.Room{}, failed
}

// backfill decides which messages are shown in a new Matrix room: those after from. Those up to until are history.
// opener is when the message was stored that opens the conversation; it is zero if somebody asked for it, and then
// everything is history. lag is how much later than its time stamp a message may be committed.
func (o *openings) backfill(ctx context.Context, reader *account, room wazoapi.UUID, opener db.WazoTime, lag time.Duration) (from, until db.WazoTime, err error) {
	count := o.cfg.BackfillMessages
	query := wazoapi.MessageQuery{Direction: wazoapi.Descending, Limit: historyPage}
	for {
		page, err := reader.api.Messages(ctx, room, query)
		if errors.Is(err, wazoapi.ErrTooLarge) && query.Limit > 1 {
			query.Limit /= 2
			continue
		} else if err != nil {
			return from, until, fmt.Errorf("failed to read what was said before: %w", err)
		}
		for _, m := range page.Items {
			if opener.IsZero() { // the newest one
				opener = jsontime.UMicro(m.CreatedAt.Add(time.Microsecond))
				from, until = jsontime.UMicro(m.CreatedAt), jsontime.UMicro(m.CreatedAt)
			} else if until.IsZero() {
				until = justBefore(opener)
				from = until
				count = max(0, count-1) // with the message that opens the conversation
			}
			if m.CreatedAt.After(until.Time) {
				continue
			} else if count == 0 {
				return from, until, nil
			}
			count--
			from = justBefore(jsontime.UMicro(m.CreatedAt))
		}
		if len(page.Items) < query.Limit {
			break
		}
		query.Offset += len(page.Items)
	}
	if from.IsZero() { // nothing was said yet: everything will be new
		from = jsontime.UMicroInt(1)
	} else { // something older may be committed yet
		from = jsontime.UMicro(from.Add(-lag))
	}
	return from, until, nil
}

func justBefore(t db.WazoTime) db.WazoTime { return jsontime.UMicro(t.Add(-time.Microsecond)) }

// conversationTitle is how the people of a conversation know it: by the name of the Wazo room, else by the names of its
// members. A single person on Matrix is left out, as in the apps of Wazo. So is the relay account. After an error the
// title has short forms of uuids instead of names.
func (o *openings) conversationTitle(ctx context.Context, room wazoapi.Room, invited []wazoapi.UUID) (string, error) {
	others := room
	if len(invited) == 1 {
		others.Users = slices.DeleteFunc(slices.Clone(room.Users), func(u wazoapi.RoomUser) bool { return u.UUID == invited[0] })
	}
	title, err := o.findTitle(ctx, others, o.relayUUID())
	return cmp.Or(strings.TrimSpace(title), convert.ShortUUID(o.texts, string(room.UUID))), err
}

// awaitsLogIn reports whether somebody may be invited to a conversation as soon as they log in again, because Wazo
// refuses their log-in. peopleChanged has it looked at again then.
func (o *openings) awaitsLogIn(ctx context.Context, wazoRoom wazoapi.UUID) (bool, error) {
	if portal, err := o.db.Portal.ByWazoRoom(ctx, string(wazoRoom)); err != nil || portal != nil {
		return false, err
	}
	return o.mayLogInAgain(ctx, wazoRoom)
}

// mayLogInAgain reports whether Wazo refuses the log-in of somebody who may be a member of a Wazo room.
func (o *openings) mayLogInAgain(ctx context.Context, wazoRoom wazoapi.UUID) (bool, error) {
	refused := slices.DeleteFunc(o.accounts.all(), func(acc *account) bool { return !acc.refused.Load() })
	if len(refused) == 0 {
		return false, nil
	}
	reader, room, err := o.anyMember(ctx, wazoRoom, nil, o.cfg.MemberKept)
	// If nobody else is there, nobody can tell who is.
	return err == nil && (reader == nil || slices.ContainsFunc(refused, func(acc *account) bool { return room.Has(acc.uuid()) })), err
}

// giveUp forgets a conversation that nobody is to be invited to any more, or that has a portal. Who asked for it is
// told.
func (o *openings) giveUp(ctx context.Context, wazoRoom wazoapi.UUID) error {
	return o.db.DoTxn(ctx, func(ctx context.Context) error {
		portal, err := o.db.Portal.ByWazoRoom(ctx, string(wazoRoom))
		if err != nil {
			return err
		} else if err = o.db.Opening.Delete(ctx, string(wazoRoom)); err != nil || portal != nil && portal.IsOpened() {
			return err
		}
		asked, err := o.db.Asked.For(ctx, string(wazoRoom))
		if err != nil {
			return err
		}
		for _, user := range asked {
			answer := o.texts.ConversationNotReady()
			if portal != nil {
				answer = o.texts.AlreadyLinkedElsewhere(portal.Title, portal.MatrixRoom.String())
			}
			if _, err = o.db.Asked.Delete(ctx, string(wazoRoom), user); err != nil {
				return err
			} else if err = o.SayTo(ctx, user, answer); err != nil {
				return err
			}
		}
		return nil
	})
}

// roomRefusedError is that the homeserver does not let the bot make a room.
type roomRefusedError struct{ *MatrixError }

// Unwrap returns the cause.
func (e *roomRefusedError) Unwrap() error { return e.MatrixError }

// openingBackoff is the pause between attempts to open a conversation. What only an administrator can repair is tried
// less and less often.
func openingBackoff(err error) task.Backoff {
	if _, refused := errors.AsType[*roomRefusedError](err); refused {
		return task.Backoff{First: backoff.First, Longest: time.Hour}
	}
	return backoff
}

// failed stores what is known of an attempt to make a room. If the homeserver refuses it, the people who are wanted
// there are told once. It returns the error, with which the room is tried again.
func (o *openings) failed(ctx context.Context, opening *db.Opening, title string, people []candidate, err error) error {
	failure := classify(err)
	if failure.Unknown {
		return fmt.Errorf("failed to make a room, perhaps: %w", err)
	}
	matrix, isMatrix := errors.AsType[*MatrixError](err)
	if failure.Class == ClassService || !isMatrix {
		return errors.Join(fmt.Errorf("failed to make a room: %w", err), o.db.Opening.MarkFailed(ctx, opening.WazoRoom, opening.Error))
	}
	code := cmp.Or(matrix.Code, fmt.Sprintf("HTTP %d", matrix.Status))
	storeErr := o.db.DoTxn(ctx, func(ctx context.Context) error {
		if err := o.db.Opening.MarkFailed(ctx, opening.WazoRoom, code); err != nil || opening.Error != "" {
			return err
		}
		for _, person := range people {
			if err := o.SayTo(ctx, person.user, o.texts.CannotOpen(title, code)); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(&roomRefusedError{matrix}, storeErr)
}

// record stores that a Matrix room was made. The room is left again if the Wazo room has got another one meanwhile.
func (o *openings) record(ctx context.Context, room id.RoomID, marker RoomMarker, reader *account) error {
	err := o.db.DoTxn(ctx, func(ctx context.Context) error {
		fits, err := o.adopt(ctx, room, marker, reader.row.ID)
		if err != nil || fits {
			return err
		}
		return o.leave(ctx, room)
	})
	if err != nil {
		return fmt.Errorf("failed to record that a room was made: %w", err)
	}
	return nil
}

// adopt stores, within a transaction, that a Matrix room that the bot has made is that of a conversation. It reports
// false if the Wazo room has another Matrix room.
func (o *openings) adopt(ctx context.Context, room id.RoomID, marker RoomMarker, readerID int64) (fits bool, err error) {
	if err = o.db.Opening.Delete(ctx, string(marker.WazoRoom)); err != nil {
		return false, err
	}
	portal, err := o.db.Portal.ByWazoRoom(ctx, string(marker.WazoRoom))
	if err != nil || portal != nil {
		return portal != nil && portal.MatrixRoom == room, err
	}
	portal = &db.Portal{
		MatrixRoom: room, WazoRoom: string(marker.WazoRoom), Title: marker.Title, ReaderID: readerID, LinkedAt: jsontime.UM(time.Now()),
		Kind: db.PortalOpened, Direct: marker.Direct, HistoryUntil: marker.Until, ShownTitle: marker.Title,
		StartedOnWazo: marker.From, StartedOnMatrix: true,
	}
	if err = o.db.Portal.Insert(ctx, portal); err != nil {
		return false, err
	}
	if marker.Number != "" {
		err = o.db.Outside.Insert(ctx, &db.Outside{PortalID: portal.ID, Participant: string(marker.Participant), Number: marker.Number})
		if err != nil {
			return false, err
		}
	}
	logChange(ctx, o.log, portal, func(line *zerolog.Event) { line.Msg("A conversation has opened") })
	db.AfterCommit(ctx, func() {
		o.wakePortal(portal.ID)
		o.conversations.wake(portal.ID)
	})
	return true, nil
}

// leave has the bot leave, within a transaction, a room that it has made.
func (o *openings) leave(ctx context.Context, room id.RoomID) error {
	return o.storeInbox(ctx, db.InboxLeave, leaving(room), jsontime.UM(time.Now()))
}
