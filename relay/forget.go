package relay

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/util/jsontime"
)

// mappingLife is how long it is known which event shows which message.
const mappingLife = 180 * 24 * time.Hour

// sessionLife is how long it is known that a key is withheld: longer than clients use one session (a week, by default).
const sessionLife = 30 * 24 * time.Hour

// forget removes, once a day, what is too old to be needed: mappings, commands, notes of withheld keys, links to files
// that have expired.
func (r *Relay) forget(ctx context.Context) {
	ticker := time.NewTicker(24 * time.Hour)
	defer ticker.Stop()
	for {
		if err := r.db.Message.Forget(ctx, jsontime.UM(time.Now().Add(-mappingLife)), overlap); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget old mappings")
		}
		if err := errors.Join(r.db.LastEdit.Forget(ctx), r.db.Reaction.Forget(ctx), r.db.Native.Forget(ctx)); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget old edits and reactions")
		}
		if err := errors.Join(r.db.ShownReaction.Forget(ctx, jsontime.UM(time.Now().Add(-mappingLife))), r.db.ShownReply.Forget(ctx)); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget what is shown of old reactions and replies")
		}
		if err := r.db.Command.Forget(ctx, jsontime.UM(time.Now().Add(-mappingLife))); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget old commands")
		}
		if err := r.db.SaidOnce.Forget(ctx, jsontime.UM(time.Now().Add(-mappingLife))); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget what was said once")
		}
		if err := r.forgetStatuses(ctx); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget old text messages")
		}
		if err := r.db.Withheld.Forget(ctx, jsontime.UM(time.Now().Add(-sessionLife))); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget withheld keys")
		}
		if err := r.db.Media.DeleteExpired(ctx, jsontime.UM(time.Now())); err != nil && ctx.Err() == nil {
			r.log.Err(err).Msg("Failed to forget old files")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
