package relay

import (
	"context"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
)

// logChange logs that a portal has changed, when that is stored. write says in a line that names the portal what has
// changed. There is one line for each change, so that the log says why a room is silent.
func logChange(ctx context.Context, log zerolog.Logger, portal *db.Portal, write func(line *zerolog.Event)) {
	line := log.Info().Stringer("room_id", portal.MatrixRoom).Str("wazo_room", portal.WazoRoom)
	db.AfterCommit(ctx, func() { write(line) })
}
