package app

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/memory"
)

// serve relays until ctx ends, or until the relay cannot go on.
func serve(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) error {
	admin := &adminSite{cfg: cfg}
	p, err := build(ctx, cfg, log, stdout, func() error { return admin.standBy(log) })
	if err != nil {
		admin.close(log)
		if admin.server != nil && errors.Is(err, context.Canceled) {
			return nil // a stand-by was stopped
		}
		return err
	}
	defer p.close(log) // after everything that uses the database, or makes requests: another relay begins at once
	defer admin.close(log)
	admin.takeOver(p, log)
	if err = p.matrix.Prepare(ctx); err != nil {
		return matrixHint(err)
	}
	if err = p.core.Identify(ctx); err != nil {
		return wazoHint(err)
	}
	if err = admin.serve(p); err != nil {
		return err
	}
	closePublic, err := listenPublic(cfg, p, log)
	if err != nil {
		return err
	}
	defer closePublic()
	warnOfLocalWebhook(ctx, cfg, log)
	log.Info().Str("version", version()).Str("matrix_user", string(cfg.MatrixUserID)).Str("wazo", string(cfg.WazoURL)).Msg("Relay started")
	defer log.Info().Msg("Relay stopped")
	return p.runBoth(ctx)
}

// errTakenOver ends a relay that was the active one.
var errTakenOver = errors.New("another relay has taken over")

// runBoth runs the Matrix account and the core until ctx ends or one of them cannot go on. At the end it waits until
// both have finished what is in hand.
func (p *parts) runBoth(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var coreErr error
	var isLost atomic.Bool
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-p.database.Lost():
			isLost.Store(true)
			cancel()
		}
	})
	wg.Go(func() { memory.Keep(ctx) })
	wg.Go(func() {
		defer cancel()
		coreErr = p.core.Run(ctx)
	})
	matrixErr := p.matrix.Run(ctx)
	cancel()
	wg.Wait()
	if isLost.Load() && errors.Is(p.database.WhyLost(), db.ErrOlder) {
		return hint(db.ErrOlder, "probably a replica that lacked the last commits has taken the place of the server; start the relay again, so that it looks at what it has already said")
	} else if isLost.Load() {
		return hint(errTakenOver, "this relay stood still, or could not reach PostgreSQL; start it again, so that it is the stand-by")
	} else if coreErr != nil {
		return databaseHint(coreErr)
	}
	return matrixHint(matrixErr)
}
