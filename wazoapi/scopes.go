package wazoapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// RelayScopes returns the rights that an account of the relay needs, in the form
// that [Account.CheckScopes] takes. ROOM and SOURCE stand for any uuid. All of
// them are in Wazo's default policy, which administrators may replace
// (docs/wazo.md, "Access rights").
func RelayScopes() []string {
	return []string{
		"chatd.users.me.rooms.read",
		"chatd.users.me.rooms.create",
		"chatd.users.me.rooms.messages.read",
		"chatd.users.me.rooms.ROOM.messages.read",
		"chatd.users.me.rooms.ROOM.messages.create",
		"websocketd",
		"events.chatd.users.me.rooms.created",
		"events.chatd.users.me.rooms.ROOM.messages.created",
		"dird.directories.default.sources.read",
		"dird.backends.wazo.sources.SOURCE.contacts.read",
	}
}

// LoginScopes returns the rights without which nobody can be represented by their
// own account: those to read and write messages in their rooms, and to hear of
// them. ROOM stands for any uuid. All of them are in Wazo's default policy, which
// administrators may replace (docs/wazo.md, "Access rights").
func LoginScopes() []string {
	return []string{
		"chatd.users.me.rooms.read",
		"chatd.users.me.rooms.create",
		"chatd.users.me.rooms.messages.read",
		"chatd.users.me.rooms.ROOM.messages.read",
		"chatd.users.me.rooms.ROOM.messages.create",
		"websocketd",
		"events.chatd.users.me.rooms.created",
		"events.chatd.users.me.rooms.ROOM.messages.created",
	}
}

// ByWebhook returns the rights that are needed instead of scopes, which are those of
// [RelayScopes] or [LoginScopes], if events come by a [Hook]. webhookd does not ask for
// the rights to hear events (docs/wazo.md, "Webhooks").
func ByWebhook(scopes []string) []string {
	kept := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		return scope == "websocketd" || strings.HasPrefix(scope, "events.")
	})
	return append(kept, WebhookScopes()...)
}

// OptionalLoginScopes returns further rights of the default policy that a log-in
// uses: to end itself and to notice its end, to look people up, and for presences.
// CLIENT, SOURCE and USER stand for anything.
func OptionalLoginScopes() []string {
	return []string{
		"auth.users.me.tokens.read",
		"auth.users.me.tokens.CLIENT.delete",
		"dird.directories.default.sources.read",
		"dird.backends.wazo.sources.SOURCE.contacts.read",
		"chatd.users.presences.read",
		"chatd.users.USER.presences.read",
		"chatd.users.me.presences.update",
	}
}

// CheckScopes asks wazo-auth which rights the account has
// (docs/wazo.md, "Token checks"). It returns, for each of scopes, whether the
// account has it. A right is written as in [RelayScopes].
func (a *Account) CheckScopes(ctx context.Context, scopes ...string) (map[string]bool, error) {
	token, err := a.Token(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := a.c.checkScopes(ctx, token.Token, scopes)
	if !isStatus(err, http.StatusNotFound) {
		return answer, err
	}
	if token, err = a.replaceToken(ctx, token, err); err != nil {
		return nil, err
	}
	return a.c.checkScopes(ctx, token.Token, scopes)
}

// MissingScopes returns those of scopes that the account does not have, in their
// order. A right is written as in [LoginScopes]. Rights that an administrator gives
// or takes count from the next token on (docs/wazo.md, "Access rights").
func (a *Account) MissingScopes(ctx context.Context, scopes ...string) ([]string, error) {
	granted, err := a.CheckScopes(ctx, scopes...)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, scope := range scopes {
		if !granted[scope] {
			missing = append(missing, scope)
		}
	}
	return missing, nil
}

// SeesTenant reports whether the account's event stream hears of all rooms of its
// tenant, also of those that it is not a member of, once per member
// (docs/wazo.md, "Who receives an event"). The history of such rooms it cannot
// read. What counts is the token with which a connection begins, so ask for each
// account that logs in.
//
// Every account of the master tenant is an addressee of all events, too. But for
// an ordinary user of it SeesTenant returns false: nothing tells that its tenant is
// the master tenant.
func (a *Account) SeesTenant(ctx context.Context) (bool, error) {
	token, err := a.Token(ctx)
	if err != nil || !token.Admin && token.Purpose != "external_api" && token.Purpose != "internal" {
		return false, err
	}
	missing, err := a.MissingScopes(ctx, tenantScopes()...)
	return err == nil && len(missing) == 0, err
}

// tenantScopes are the rights to hear of rooms of others. The user is a uuid that
// nobody has, so that a right to hear of a few users is not enough.
func tenantScopes() []string {
	const somebody = "00000000-0000-4000-8000-000000000000"
	return []string{
		"websocketd",
		"events.chatd.users." + somebody + ".rooms.created",
		"events.chatd.users." + somebody + ".rooms.ROOM.messages.created",
	}
}
