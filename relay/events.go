package relay

import (
	"context"
	"time"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// Events of Wazo come by connections to wazo-websocketd, or by requests of wazo-webhookd (WAZO_EVENTS). Everything
// behind the first step is the same for both: what comes is accepted, and after each interruption the history is read.

// eventSource is how accounts hear of what happens on Wazo. It is safe for concurrent use.
type eventSource interface {
	// load reads what is stored. Nobody listens before.
	load(ctx context.Context) error
	// run does until ctx ends what is no account's.
	run(ctx context.Context)
	// listen lets an account listen until ctx ends.
	listen(ctx context.Context, acc *account, h wazoapi.Handler) error
	// left takes note that an account does not listen any more, because others hear for it.
	left(ctx context.Context, acc *account)
	// seesTenant reports whether an account that listens hears of all rooms of its tenant.
	seesTenant(ctx context.Context, acc *account) (bool, error)
	// looked takes note of the newest message of each room of an account, from a look for news that began during a
	// connection.
	looked(acc *account, connection uint64, latest []wazoapi.Message)
	// settling returns for how long a row must still wait for others that may overtake it.
	settling(row *db.Row) time.Duration
	// scopes returns the rights that are needed, if these are if events come by a websocket.
	scopes(websocket []string) []string
	// why says why no events come.
	why(err error) words.Why
}

// websocketEvents hears events by a connection to wazo-websocketd for each account.
type websocketEvents struct {
	*Relay
	former *webhookKey // of the time when events came by a webhook
}

var _ eventSource = (*websocketEvents)(nil)

func (w *websocketEvents) load(ctx context.Context) error { return w.former.load(ctx) }

// run deletes the subscriptions of wazo-webhookd that the relay made when events came by a webhook.
func (w *websocketEvents) run(ctx context.Context) {
	if !w.former.isKnown() {
		return
	}
	done := make(map[*account]bool)
	pause := task.Backoff{First: time.Second, Longest: 5 * time.Minute}
	for failures := 0; ; failures++ {
		isOver := true
		for _, acc := range w.accounts.inUse() {
			if done[acc] {
				continue
			} else if err := acc.api.RemoveHooks(ctx, w.former.relay(), ""); err != nil {
				isOver = false
				w.log.Warn().Err(err).Stringer("matrix_user", acc.row.MatrixUser).Msg("Failed to delete a subscription of wazo-webhookd, trying again later")
				continue
			}
			done[acc] = true
		}
		if isOver {
			if err := w.former.forget(ctx); err != nil && ctx.Err() == nil {
				w.log.Err(err).Msg("Failed to store that there are no subscriptions of wazo-webhookd any more")
			}
			return
		} else if task.Sleep(ctx, pause.After(failures+1)) != nil {
			return
		}
	}
}

func (w *websocketEvents) listen(ctx context.Context, acc *account, h wazoapi.Handler) error {
	return acc.api.Listen(ctx, h)
}

func (w *websocketEvents) left(context.Context, *account) {}

func (w *websocketEvents) seesTenant(ctx context.Context, acc *account) (bool, error) {
	return acc.api.SeesTenant(ctx)
}

func (w *websocketEvents) looked(*account, uint64, []wazoapi.Message) {}

func (w *websocketEvents) settling(*db.Row) time.Duration { return 0 }

func (w *websocketEvents) scopes(websocket []string) []string { return websocket }

func (w *websocketEvents) why(error) words.Why { return words.WhyEventsFail }

// removeHooks deletes an account's subscriptions of wazo-webhookd before the account is logged out. They would lead
// nowhere.
func (r *Relay) removeHooks(ctx context.Context, api *wazoapi.Account) {
	if !r.hookKey.isKnown() {
		return
	}
	if err := api.RemoveHooks(ctx, r.hookKey.relay(), r.cfg.Webhook.address()); err != nil {
		r.log.Warn().Err(err).Msg("Failed to delete the subscription of wazo-webhookd of an account that is being logged out")
	}
}
