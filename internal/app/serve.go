package app

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/memory"
)

// serve relays until ctx ends, or until the relay cannot go on.
func serve(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) error {
	p, err := build(ctx, cfg, log, stdout)
	if err != nil {
		return err
	}
	defer p.close(log) // after everything that uses the database
	if err = p.matrix.Prepare(ctx); err != nil {
		return matrixHint(err)
	}
	if err = p.core.Identify(ctx); err != nil {
		return wazoHint(err)
	}
	admin, err := listenAdmin(cfg, p)
	if err != nil {
		return err
	}
	defer admin.close(log)
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

// runBoth runs the Matrix account and the core until ctx ends or one of them cannot go on. At the end it waits until both have
// finished what is in hand.
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
	if isLost.Load() {
		return databaseHint(db.ErrInUse)
	} else if coreErr != nil {
		return databaseHint(coreErr)
	}
	return matrixHint(matrixErr)
}
