package relay

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/wazoapi"
)

// Mute notes that a person does not want to be invited again to the conversation of a Matrix room, or to the Wazo room
// that they name (not empty). It returns what to answer, and a *UserError if there is no such conversation.
func (r *Relay) Mute(ctx context.Context, room id.RoomID, by id.UserID, what string) (string, error) {
	wazoRoom, title, err := r.conversationMeant(ctx, room, by, what, "mute")
	if err != nil {
		return "", err
	} else if err = r.db.Mute.Put(ctx, by, wazoRoom); err != nil {
		return "", fmt.Errorf("failed to mute a conversation: %w", err)
	}
	if what != "" {
		return r.texts.MutedElsewhere(title, wazoRoom), nil
	}
	return r.texts.Muted(title), nil
}

// Unmute takes back what Mute noted.
func (r *Relay) Unmute(ctx context.Context, room id.RoomID, by id.UserID, what string) (string, error) {
	wazoRoom, title, err := r.conversationMeant(ctx, room, by, what, "unmute")
	if err != nil {
		return "", err
	}
	was, err := r.db.Mute.Delete(ctx, by, wazoRoom)
	if err != nil {
		return "", fmt.Errorf("failed to unmute a conversation: %w", err)
	}
	return r.texts.Unmuted(title, was), nil
}

// SetAuto stores which conversations open for a person by themselves, if auto is not empty. It returns what to answer.
func (r *Relay) SetAuto(ctx context.Context, by id.UserID, auto string) (string, error) {
	switch auto {
	case "":
		person, err := r.db.Person.Get(ctx, by)
		if err != nil {
			return "", fmt.Errorf("failed to read what a person decided: %w", err)
		}
		return r.texts.Auto(string(person.Auto)), nil
	case string(db.AutoOn), string(db.AutoOff), string(db.AutoDirect):
		err := r.db.DoTxn(ctx, func(ctx context.Context) error {
			if err := r.db.Person.SetAuto(ctx, by, db.Auto(auto)); err != nil {
				return fmt.Errorf("failed to store what a person decided: %w", err)
			}
			return r.conversations.peopleChanged(ctx)
		})
		if err != nil {
			return "", err
		}
		return r.texts.Auto(auto), nil
	default:
		return r.texts.AutoUsage(), nil
	}
}

// conversationMeant returns the Wazo room that a person means, and how it is called: by its name or uuid, or (what is
// empty) as that of a Matrix room. It returns a *UserError if there is none.
func (r *Relay) conversationMeant(ctx context.Context, room id.RoomID, by id.UserID, what, command string) (wazoRoom, title string, err error) {
	if what != "" {
		return r.ownRoom(ctx, by, what)
	}
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	switch {
	case err != nil:
		return "", "", err
	case portal == nil:
		return "", "", refuse(r.texts.MuteUsage(command))
	case !portal.IsOpened():
		return "", "", refuse(r.texts.MuteLinked())
	}
	return portal.WazoRoom, portal.Title, nil
}

// ownRoom finds one of the Wazo rooms of a person by its uuid or name. Nobody learns of rooms that they are not in.
func (r *Relay) ownRoom(ctx context.Context, by id.UserID, what string) (wazoRoom, title string, err error) {
	wazo, _, ok := r.identities.ofMatrix(by)
	acc := r.accounts.of(by)
	if acc == nil {
		acc = r.account // whose rooms are those to which who is only mapped is invited
	}
	if !ok || acc == nil {
		return "", "", refuse(r.texts.NotInWazoRoom())
	}
	rooms, err := acc.listRooms(ctx)
	if err != nil {
		return "", "", err
	}
	var titles []string
	for _, room := range rooms {
		if !room.Has(wazo) {
			continue
		}
		called, err := r.openings.conversationTitle(ctx, room, []wazoapi.UUID{wazo})
		if err != nil {
			r.log.Warn().Err(err).Msg("Failed to look up names for a room's title")
		}
		if room.UUID == wazoapi.NewUUID(what) {
			return string(room.UUID), called, nil
		} else if strings.EqualFold(called, what) {
			wazoRoom, title = string(room.UUID), called
			titles = append(titles, fmt.Sprintf("%s (%s)", called, room.UUID))
		}
	}
	switch len(titles) {
	case 0:
		return "", "", refuse(r.texts.NoSuchRoom(what))
	case 1:
		return wazoRoom, title, nil
	default:
		return "", "", refusePrivately(r.texts.ManyRooms(what, titles))
	}
}
