package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/relay/words"
)

// leadsHere reports whether the host of PUBLIC_URL means 127.0.0.1 on this machine. If Wazo runs on this machine, or
// knows the same, it sends nothing there (docs/wazo.md, "Deliveries of a webhook").
func leadsHere(ctx context.Context, cfg *config) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, cfg.PublicURL.host())
	return err == nil && slices.Contains(addresses, localAddress)
}

// warnOfLocalWebhook warns if Wazo may skip the address of the webhook. What this machine knows of the address need not
// be what Wazo knows.
func warnOfLocalWebhook(ctx context.Context, cfg *config, log zerolog.Logger) {
	if cfg.WazoEvents == eventsWebhook && leadsHere(ctx, cfg) {
		log.Warn().Str("public_url", cfg.PublicURL.base).Msg("The host of PUBLIC_URL means 127.0.0.1 here; if the Wazo server sees that, too, it sends no events")
	}
}

// checkWebhookAddress asks at the address of the webhook. Only a relay answers as a relay does.
func checkWebhookAddress(ctx context.Context, cfg *config) error {
	status, body, err := get(ctx, cfg.PublicURL.base+hookPath+"/check")
	switch {
	case err != nil:
		return err
	case status != http.StatusMethodNotAllowed || !words.WebhookHere.IsSaidBy(strings.TrimSpace(string(body))):
		return hint(fmt.Errorf("something else than the relay answers at the address of the webhook (HTTP %d)", status),
			"have the reverse proxy pass requests for "+hookPath+"/ below PUBLIC_URL on to LISTEN, too; Wazo cannot send events otherwise")
	case leadsHere(ctx, cfg):
		return hint(errors.New("the host of PUBLIC_URL means 127.0.0.1 on this machine"), "if the Wazo server sees that, too, it sends no events: use a name that means another address there. If only this machine sees it, nothing is wrong")
	}
	return nil
}
