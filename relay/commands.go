package relay

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/command"
)

// Command reads the command that an event of Matrix gives. It reports false if the event is not a command.
func (r *Relay) Command(evt *event.Event) (command.Command, bool) {
	if evt.Type.Type != event.EventMessage.Type {
		return command.Command{}, false
	}
	reader := command.Reader{Prefix: r.cfg.CommandPrefix, Bot: r.matrix.UserID()}
	return reader.Read(evt.Content.Raw, r.matrix.OwnNames()...)
}

// acceptCommand stores, within a transaction, a command of a room for the bot to obey it. A command that was edited in
// the meantime is not obeyed any more. portalID is 0 if the room has no portal.
func (r *Relay) acceptCommand(ctx context.Context, portalID int64, evt *event.Event, acceptedAt db.Time) error {
	original, replaced, err := r.rememberCommand(ctx, evt)
	if err != nil || replaced {
		return err
	}
	if original != "" {
		if err = r.db.Command.Cancel(ctx, original, evt.Sender); err != nil {
			return err
		} else if err = r.takeBack(ctx, portalID, original, evt.Sender, evt.Timestamp); err != nil {
			return err
		}
	}
	return r.storeInbox(ctx, db.InboxCommand, evt, acceptedAt)
}

// rememberCommand stores, within a transaction, that an event is a command. It returns the event that the command is an
// edit of, "" if it is not an edit, and whether a later edit took its place.
func (r *Relay) rememberCommand(ctx context.Context, evt *event.Event) (original id.EventID, replaced bool, err error) {
	original = command.Replaces(evt.Content.Raw)
	typedAt := jsontime.UnixMilli{Time: time.UnixMilli(evt.Timestamp)}
	if original != "" {
		replaced, err = r.db.Command.IsReplaced(ctx, original, evt.Sender, typedAt)
	} else {
		replaced, err = r.db.Command.IsReplaced(ctx, evt.ID, evt.Sender, db.Time{})
	}
	if err == nil {
		err = r.db.Command.Insert(ctx, &db.Command{EventID: evt.ID, Sender: evt.Sender, Replaces: original, TypedAt: typedAt})
	}
	if err != nil {
		return "", false, fmt.Errorf("failed to store a command: %w", err)
	}
	return original, replaced, nil
}

// NoteCommand is for a command that the bot obeys although it was not accepted as one, because its key came late. It
// reports whether a later edit took its place.
func (r *Relay) NoteCommand(ctx context.Context, evt *event.Event) (replaced bool, err error) {
	err = r.db.DoTxn(ctx, func(ctx context.Context) error {
		_, replaced, err = r.rememberCommand(ctx, evt)
		return err
	})
	return replaced, err
}

// EditedAfter returns how long after a command the edit of it was sent. It returns 0 if the event does not edit a
// command.
func (r *Relay) EditedAfter(ctx context.Context, evt *event.Event) (time.Duration, error) {
	original := command.Replaces(evt.Content.Raw)
	if original == "" {
		return 0, nil
	}
	edited, err := r.db.Command.Get(ctx, original)
	if err != nil || edited == nil {
		return 0, err
	}
	return time.UnixMilli(evt.Timestamp).Sub(edited.TypedAt.Time), nil
}

// editsCommand reports whether an event edits a command. People on Wazo never saw the command, so its edit is not for
// them.
func (r *Relay) editsCommand(ctx context.Context, evt *event.Event) (bool, error) {
	original := command.Replaces(evt.Content.Raw)
	if original == "" {
		return false, nil
	}
	edited, err := r.db.Command.Get(ctx, original)
	return edited != nil, err
}
