package relay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"

	"go.mau.fi/util/random"

	"wazo-matrix-relay/db"
)

// webhookKey is the secret from which the addresses of the relay's subscriptions are derived. It is kept as long as
// there may be subscriptions, so that they outlive a restart.
type webhookKey struct {
	db *db.Database

	mu  sync.Mutex
	key string // "" if there is none
}

// load reads the key, if there is one.
func (k *webhookKey) load(ctx context.Context) error {
	key, err := k.db.Setting.GetSecret(ctx, db.SettingWebhookKey)
	if err != nil {
		return fmt.Errorf("failed to read the key of the webhook: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = key
	return nil
}

// create makes a key if there is none.
func (k *webhookKey) create(ctx context.Context) error {
	if err := k.load(ctx); err != nil || k.isKnown() {
		return err
	}
	key := random.String(43) // 256 bits
	if err := k.db.Setting.SetSecret(ctx, db.SettingWebhookKey, key); err != nil {
		return err
	}
	return k.load(ctx)
}

// forget deletes the key: nothing that was derived from it exists any more.
func (k *webhookKey) forget(ctx context.Context) error {
	if err := k.db.Setting.Set(ctx, db.SettingWebhookKey, ""); err != nil {
		return err
	}
	return k.load(ctx)
}

func (k *webhookKey) isKnown() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.key != ""
}

// relay names this installation in the metadata of its subscriptions. It gives nothing of the key away.
func (k *webhookKey) relay() string { return k.derive("relay")[:16] }

// secret is the last part of the address to which Wazo sends the events of an account, or of its tenant.
func (k *webhookKey) secret(acc *account, tenant bool) string {
	return k.derive("address", strconv.FormatInt(acc.row.ID, 10), acc.row.UserUUID, strconv.FormatBool(tenant))
}

func (k *webhookKey) derive(parts ...string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	mac := hmac.New(sha256.New, []byte(k.key))
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s", len(part), part) // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
