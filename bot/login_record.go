package bot

import (
	"context"
	"errors"

	"maunium.net/go/mautrix"

	"wazo-matrix-relay/relay"
)

// loginsType is the type of the account data that says who has logged in to Wazo as whom.
const loginsType = "io.wazo.relay.logins"

type loginsContent struct {
	Logins relay.LoginHistory `json:"logins"`
}

// Logins implements relay.Matrix.
func (b *Bot) Logins(ctx context.Context) (relay.LoginHistory, error) {
	var stored loginsContent
	err := b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.client.GetAccountData(ctx, loginsType, &stored))
	})
	if errors.Is(err, mautrix.MNotFound) {
		err = nil
	}
	return stored.Logins, err
}

// SetLogins implements relay.Matrix.
func (b *Bot) SetLogins(ctx context.Context, logins relay.LoginHistory) error {
	return b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.client.SetAccountData(ctx, loginsType, &loginsContent{logins}))
	})
}
