package bot

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"

	"wazo-matrix-relay/relay"
)

// loginsType is the type of the account data that says who has logged in to Wazo as whom.
const loginsType = "io.wazo.relay.logins"

type loginsContent struct {
	Logins relay.LoginHistory `json:"logins"`
}

// Logins implements relay.Matrix. What cannot be parsed is not what SetLogins has stored, and counts as nothing.
func (b *Bot) Logins(ctx context.Context) (relay.LoginHistory, error) {
	var raw json.RawMessage
	err := b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.client.GetAccountData(ctx, loginsType, &raw))
	})
	if errors.Is(err, mautrix.MNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var stored loginsContent
	if err = json.Unmarshal(raw, &stored); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Str("type", loginsType).Msg("The account data that says who has logged in to Wazo is broken")
		return nil, nil
	}
	return stored.Logins, nil
}

// SetLogins implements relay.Matrix.
func (b *Bot) SetLogins(ctx context.Context, logins relay.LoginHistory) error {
	return b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		return translated(b.client.SetAccountData(ctx, loginsType, &loginsContent{logins}))
	})
}
