package relay

import (
	"context"
	"errors"
	"net/http"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// people answers what a person asks about the people and chats on Wazo. It asks through the person's own account, so
// that nobody sees more than Wazo shows them.
type people struct {
	*directory
	accounts   *accounts
	identities *identities
	rights     *Rights
	members    func(ctx context.Context, room id.RoomID) (map[id.UserID]Member, error) // of a Matrix room
}

func newPeople(r *Relay) *people {
	return &people{
		directory: r.directory, accounts: r.accounts, identities: r.identities, rights: &r.cfg.Rights,
		members: func(ctx context.Context, room id.RoomID) (map[id.UserID]Member, error) {
			return r.matrix.Members(ctx, room)
		},
	}
}

// own returns the account with which a person is logged in. It returns a *UserError if there is none that can be used.
func (p *people) own(user id.UserID) (*account, error) {
	switch acc := p.accounts.login(user); {
	case acc == nil:
		return nil, refuse(p.texts.NotLoggedIn())
	case acc.refused.Load():
		return nil, refuse(p.texts.LogInNotAccepted())
	default:
		return acc, nil
	}
}

// IsLoggedIn reports whether a person has logged in, and Wazo accepts the log-in.
func (p *people) IsLoggedIn(user id.UserID) bool { return p.accounts.of(user) != nil }

// contactsOf returns the directory as a person's account sees it. It is not kept: what it remembers would cost memory
// for each log-in.
func contactsOf(acc *account) *wazoapi.Directory { return wazoapi.NewDirectory(acc.api, nameTTL) }

// explain returns an error of a request by a person's account. It is a *UserError if it is about this account only.
func (p *people) explain(ctx context.Context, acc *account, err error) error {
	answer, isAnswer := errors.AsType[*wazoapi.Error](err)
	switch {
	case errors.Is(err, wazoapi.ErrLogInEnded):
		if err = p.accounts.refused(ctx, acc, err); err != nil {
			return err
		}
		return refuse(p.texts.LogInNotAccepted())
	case errors.Is(err, wazoapi.ErrNoDirectory):
		return refuse(p.texts.TenantWithoutDirectory())
	case errors.Is(err, wazoapi.ErrTooManySessions):
		return refuse(p.texts.TooManySessions())
	case isAnswer && answer.MissingPermission():
		return refuse(p.texts.AccountLacksPermission())
	case isAnswer && answer.Status == http.StatusServiceUnavailable && answer.ID == "not-initialized":
		return refuse(p.texts.PresencesNotReady())
	default:
		return err
	}
}

// isRelay reports whether a user on Wazo is the relay account.
func (p *people) isRelay(user wazoapi.UUID) bool { return p.accounts.isRelay(user) }

// presences returns how people can be reached. It reports false if Wazo does not tell that: the answer is worth giving
// without it.
func (p *people) presences(ctx context.Context, acc *account, users ...wazoapi.UUID) (map[wazoapi.UUID]wazoapi.Presence, bool) {
	found, err := acc.api.Presences(ctx, users...)
	if err != nil {
		p.log.Warn().Err(err).Msg("Failed to ask Wazo for presences")
	}
	return found, err == nil
}

// presenceIn returns a presence for people, nil if there is none.
func presenceIn(presences map[wazoapi.UUID]wazoapi.Presence, user wazoapi.UUID) *words.Presence {
	presence, ok := presences[user]
	if !ok {
		return nil
	}
	return shownPresence(presence, maxListedStatus)
}

const (
	maxStatus       = convert.MaxProfileBytes // bytes of what a person says about their presence
	maxListedStatus = 100                     // bytes of that in a list
)

func shownPresence(presence wazoapi.Presence, maxBytes int) *words.Presence {
	return &words.Presence{
		State: string(presence.State), Text: convert.CleanName(presence.Status, maxBytes),
		OnThePhone: presence.OnThePhone(), DoNotDisturb: presence.DoNotDisturb,
	}
}
