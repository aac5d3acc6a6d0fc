package cases

import (
	"context"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
)

// stormLines is how many messages each side sends as fast as it can.
const stormLines = 200

func TestStormOfMessagesFromBothSidesArrivesInOrder(t *testing.T) {
	withEachClient(t, testStormOfMessagesFromBothSidesArrivesInOrder)
}

func testStormOfMessagesFromBothSidesArrivesInOrder(t *testing.T, robin client) {
	s := open(t, robin, stage.Config{})
	inEachKind(t, func(t *testing.T, encrypted bool) {
		d := dialogue{portal: s.link(t, harness.RoomOptions{Encrypted: encrypted}), lines: robin.share(stormLines)}
		stormed := make(chan error, 1)
		go func() { stormed <- d.stormFromMatrix(s.ctx) }()
		require.NoError(t, d.stormFromWazo(s.ctx))
		require.NoError(t, <-stormed)
		d.requireTalk(t)
		d.requireExact(t)
		require.Len(t, lines(fromMatrix, d.onWazo()), robin.share(stormLines))
	})
	t.Run("and leaves no text and no secret in the log", func(t *testing.T) {
		s.requireNoTextInLog(t, " line ", s.Bot.Password, s.Cast.Relay.Password, s.Relay.Getenv("SECRET_KEY"))
	})
}

func (d dialogue) stormFromMatrix(ctx context.Context) error {
	for n := 1; n <= d.lines; n++ {
		if _, err := d.Robin.Send(ctx, d.Matrix, line(fromMatrix, n)); err != nil {
			return err
		}
	}
	return nil
}

func (d dialogue) stormFromWazo(ctx context.Context) error {
	for n := 1; n <= d.lines && ctx.Err() == nil; n++ {
		d.post(line(fromWazo, n))
	}
	return ctx.Err()
}
