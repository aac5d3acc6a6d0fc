package main

import (
	"context"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

// quiet is how long nothing is sent until an account may send a whole burst again.
const quiet = burst / perSecond * time.Second

// limits are those of a homeserver that limits like Synapse.
type limits struct {
	homeserver *harness.Homeserver
	bucket     *bucket // nil: the homeserver limits by itself
}

// openLimits starts the chosen homeserver. It returns what the relay's configuration
// needs to be limited, and what ends everything.
func openLimits(ctx context.Context, dir string) (*limits, map[string]string, func() error, error) {
	software, err := harness.ChosenSoftware()
	if err != nil {
		return nil, nil, nil, err
	}
	homeserver, err := harness.StartSoftware(ctx, dir, software, harness.DefaultLimits)
	if err != nil {
		return nil, nil, nil, err
	}
	l := &limits{homeserver: homeserver}
	if software == harness.Synapse {
		return l, nil, homeserver.Stop, nil
	}
	if l.bucket, err = startBucket(homeserver.URL()); err != nil {
		_ = homeserver.Stop() // the first error says more
		return nil, nil, nil, err
	}
	stop := func() error {
		l.bucket.server.Close()
		return homeserver.Stop()
	}
	return l, map[string]string{"MATRIX_HOMESERVER_URL": l.bucket.server.URL}, stop, nil
}

// lift prepares something, without limits if it can, and returns when the account may
// send a whole burst.
func (l *limits) lift(ctx context.Context, prepare func(context.Context) error) error {
	if l.bucket != nil {
		l.bucket.limited.Store(false)
		defer l.bucket.limited.Store(true)
	}
	if err := prepare(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
