package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// The commands on Wazo. Members may give them; what others write, who can only be administrators of Wazo, is an
// ordinary message.
const (
	commandHelp   = "help"
	commandStatus = "status"
	commandUnlink = "unlink"
)

// memberCommands returns the commands among messages of the account's rooms that come from members of these. If the
// relay account is not a member, nobody could answer, so that only the end of the link is a command there.
func (r *reader) memberCommands(ctx context.Context, messages []wazoapi.Message) (map[wazoapi.UUID]command.Command, error) {
	var commands map[wazoapi.UUID]command.Command
	for _, m := range messages {
		typed, ok := command.Parse(m.Content, r.cfg.CommandPrefix)
		if !ok || r.accounts.isRelay(m.UserUUID) {
			continue
		}
		room, ok, err := r.acc.heardRoom(ctx, m.Room)
		if err != nil {
			return nil, err
		} else if !ok || room.HasIdentities() || !room.Has(m.UserUUID) || !endsLink(typed) && !room.Has(r.account.uuid()) {
			continue
		}
		if commands == nil {
			commands = make(map[wazoapi.UUID]command.Command)
		}
		commands[m.UUID] = typed
	}
	return commands, nil
}

// endsLink reports whether a command on Wazo ends the link. It must be typed without anything else.
func endsLink(typed command.Command) bool { return typed.Name == commandUnlink && typed.Args == "" }

// command accepts a command in the room of a portal. It ends the link, or is stored to be answered. A command that
// comes before the link has started is left to the history, which is read from the start on.
func (a *wazoAccept) command(ctx context.Context, portal *db.Portal, m wazoapi.Message, typed command.Command) error {
	if portal.StartedOnWazo.IsZero() || !m.CreatedAt.After(portal.StartedOnWazo.Time) {
		return nil
	} else if known, err := a.db.Message.KnowsUUID(ctx, portal.ID, string(m.UUID)); err != nil || known {
		return err
	}
	row, err := a.db.Queue.BySource(ctx, portal.ID, db.ToMatrix, string(m.UUID))
	if err != nil || row != nil { // an older version took it for a message, which is shown
		return err
	}
	a.added++
	if endsLink(typed) {
		a.portals[m.Room] = nil
		a.ended = append(a.ended, portal)
		return a.deletePortal(ctx, portal, a.texts.UnlinkedFromWazo(portal.Title, a.unlinkers[m.UUID]))
	}
	if err = a.recordHidden(ctx, portal, m); err != nil {
		return err
	}
	if time.Since(m.CreatedAt) > answerAge {
		return nil
	}
	return a.storeWazoCommand(ctx, m)
}

// recordHidden stores, within a transaction, that no event shows a message. This keeps the history from bringing it
// again.
func (a *wazoAccept) recordHidden(ctx context.Context, portal *db.Portal, m wazoapi.Message) error {
	return a.db.Message.Insert(ctx, &db.Message{
		PortalID: portal.ID, WazoUUID: string(m.UUID), Author: string(m.UserUUID),
		CreatedAt: jsontime.UMicro(m.CreatedAt), RelayedAt: jsontime.UM(time.Now()),
	})
}

// answerAge is how old a command on Wazo may be to be answered. Nobody waits any longer, and after a restore the answer
// was given.
const answerAge = 10 * time.Minute

// storeWazoCommand stores a command, within a transaction, to be answered.
func (r *Relay) storeWazoCommand(ctx context.Context, m wazoapi.Message) error {
	db.AfterCommit(ctx, func() { r.tasks.Wake(job{kind: jobAnswer}) })
	return r.db.WazoCommand.Insert(ctx, &db.WazoCommand{WazoUUID: string(m.UUID), WazoRoom: string(m.Room), Content: m.Content})
}

// answerOnWazo answers the commands that were typed on Wazo. Each answer is posted at most once: it is lost if it is
// not known whether Wazo has taken it, or if the relay is killed at that moment.
func (r *Relay) answerOnWazo(ctx context.Context) error {
	pending, err := r.db.WazoCommand.Pending(ctx)
	if err != nil || len(pending) == 0 || r.account == nil {
		return err
	}
	// An answer is lost if Wazo fails while it is posted. If Wazo is away, that is found out before.
	if _, err = r.account.listRooms(ctx); err != nil {
		return fmt.Errorf("failed to answer commands on Wazo: %w", err)
	}
	for _, waiting := range pending {
		answer, err := r.answer(ctx, waiting)
		if err != nil {
			return fmt.Errorf("failed to answer a command on Wazo: %w", err)
		} else if claimed, err := r.db.WazoCommand.Claim(ctx, waiting.WazoUUID); err != nil {
			return err
		} else if !claimed {
			continue
		}
		_, err = r.account.api.PostMessage(ctx, wazoapi.UUID(waiting.WazoRoom), wazoapi.Draft{Content: answer})
		if err == nil {
			continue
		}
		err = fmt.Errorf("failed to answer a command on Wazo: %w", err)
		if failure := classify(err); failure.Class == ClassService && !failure.Unknown {
			// It was certainly not posted.
			return errors.Join(err, r.db.WazoCommand.Insert(context.WithoutCancel(ctx), waiting))
		}
		r.log.Err(err).Str("wazo_room", waiting.WazoRoom).Msg("Lost the answer to a command on Wazo")
	}
	return nil
}

// answer returns the answer to a command that was typed on Wazo.
func (r *Relay) answer(ctx context.Context, waiting *db.WazoCommand) (string, error) {
	portal, err := r.db.Portal.ByWazoRoom(ctx, waiting.WazoRoom)
	if err != nil {
		return "", err
	} else if portal == nil {
		return r.texts.Explanation(r.matrix.UserID().String()), nil
	}
	typed, _ := command.Parse(waiting.Content, r.cfg.CommandPrefix)
	switch typed.Name {
	case commandHelp:
		return r.texts.HelpOnWazo(), nil
	case commandStatus:
		return r.wazoStatus(ctx, portal)
	case commandUnlink:
		return r.texts.UnlinkUsageOnWazo(), nil
	default:
		return r.texts.UnknownOnWazo(convert.CleanName(typed.Name, maxCommandBytes)), nil
	}
}

// maxCommandBytes is how much of an unknown command is repeated in the answer.
const maxCommandBytes = 64

// wazoStatus is the status of a portal as it is shown on Wazo.
func (r *Relay) wazoStatus(ctx context.Context, portal *db.Portal) (string, error) {
	status, err := r.Status(ctx, portal.MatrixRoom)
	if err != nil {
		return "", err
	}
	name := convert.CleanName(r.matrix.RoomName(ctx, portal.MatrixRoom), convert.MaxProfileBytes)
	return r.texts.StatusOnWazo(words.StatusOnWazo{Status: status, MatrixRoom: name}), nil
}
