package stage

import (
	"context"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// deliveryTimeout is how long a message may take before it counts as lost.
const deliveryTimeout = 30 * time.Second

// ToWazo sends something on Matrix with send and waits for the message that
// matches to be stored in the portal's Wazo room. It returns the time from the
// call of send to that moment, which can be before send returns.
func (s *Stage) ToWazo(ctx context.Context, portal Portal, match func(wazotest.Message) bool, send func(context.Context) error) (wazotest.Message, time.Duration, error) {
	type arrival struct {
		message wazotest.Message
		at      time.Time
		err     error
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	arrived := make(chan arrival, 1)
	go func() {
		message, err := s.Wazo.WaitMessage(ctx, portal.Wazo, match)
		arrived <- arrival{message, time.Now(), err}
	}()
	start := time.Now()
	if err := send(ctx); err != nil {
		return wazotest.Message{}, 0, err
	}
	got := <-arrived
	return got.message, got.at.Sub(start), got.err
}

// ToMatrix posts on Wazo as author and waits for the event that matches to be
// seen by Robin. It returns the time from the post to that moment.
func (s *Stage) ToMatrix(ctx context.Context, portal Portal, match harness.Match, author wazotest.User, text string) (harness.Entry, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	start := time.Now()
	s.Wazo.Post(portal.Wazo, author, text, "")
	entry, err := s.Robin.WaitEvent(ctx, portal.Matrix, match)
	return entry, entry.Seen.Sub(start), err
}
