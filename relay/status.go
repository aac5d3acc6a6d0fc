package relay

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// Status returns what the relay knows of a room's portal and of Wazo. The Matrix side adds its own part.
func (r *Relay) Status(ctx context.Context, room id.RoomID) (status words.Status, err error) {
	status.WazoConnected = r.account.connected.Load()
	status.WazoUser = r.account.row.Username
	portal, err := r.db.Portal.ByMatrixRoom(ctx, room)
	if err != nil || portal == nil {
		return status, err
	}
	counts, err := r.db.Queue.Counts(ctx, portal.ID)
	if err != nil {
		return status, err
	}
	status.Title, status.WazoRoom = portal.Title, portal.WazoRoom
	status.LinkedBy, status.LastError = portal.LinkedBy.String(), portal.LastError
	status.Reader, status.Poster = r.account.row.Username, r.account.row.Username
	status.WazoVerified = r.account.isVerified(portal.ID)
	status.ToWazo, status.ToMatrix = counts[db.ToWazo].Pending, counts[db.ToMatrix].Pending
	status.Waiting = counts[db.ToWazo].Waiting
	status.Parked = counts[db.ToWazo].Parked + counts[db.ToMatrix].Parked
	pauses, err := r.db.Pause.Of(ctx, portal.ID)
	for _, pause := range pauses {
		status.Paused = append(status.Paused, r.texts.Why(Pause(pause.Reason).Why()))
	}
	return status, err
}

// Connected reports whether events of Wazo flow.
func (r *Relay) Connected() bool { return r.account.connected.Load() }

// Identify finds out who the relay account is. Wazo need not be reachable if that is known from an earlier start: then the
// relay begins its work and waits. A refused log-in is always an error.
func (r *Relay) Identify(ctx context.Context) error {
	token, err := r.account.api.Token(ctx)
	if err != nil {
		var refused *wazoapi.Error
		known := r.account.row.UserUUID != ""
		if known && !(errors.As(err, &refused) && refused.Status == 401) {
			r.log.Warn().Err(err).Msg("Wazo can't be reached; starting all the same")
			return nil
		}
		return err
	}
	row := r.account.row
	if row.UserUUID == string(token.UserUUID) && row.TenantUUID == string(token.TenantUUID) {
		return nil
	}
	if row.UserUUID != "" && row.UserUUID != string(token.UserUUID) {
		r.log.Warn().Str("was", row.UserUUID).Stringer("is", token.UserUUID).Msg("The relay account is another one than before")
	}
	row.UserUUID, row.TenantUUID = string(token.UserUUID), string(token.TenantUUID)
	if err = r.db.Account.Update(ctx, row); err != nil {
		return fmt.Errorf("failed to store the relay account: %w", err)
	}
	return nil
}
