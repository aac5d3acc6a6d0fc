package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// notDisturbed is a state that chatd does not know: it is a service of the telephone.
const notDisturbed wazoapi.PresenceState = "do not disturb"

// presenceNames are the names that people have for the states of a presence (docs/wazo.md, "Presences").
var presenceNames = map[string]wazoapi.PresenceState{
	"available": wazoapi.Available, "online": wazoapi.Available,
	"away":        wazoapi.Away,
	"unavailable": wazoapi.Unavailable, "offline": wazoapi.Unavailable,
	"invisible":      wazoapi.Invisible,
	"do not disturb": notDisturbed, "do-not-disturb": notDisturbed, "donotdisturb": notDisturbed, "dnd": notDisturbed,
}

// longestPresenceName is how many words the longest of these names has.
const longestPresenceName = 3

// cutPresence reads the state with which a text begins. It returns what follows the state, and reports false if it
// begins with none.
func cutPresence(text string) (state wazoapi.PresenceState, rest string, ok bool) {
	typed := strings.Fields(text)
	for n := min(longestPresenceName, len(typed)); n > 0; n-- {
		name := strings.ToLower(strings.Join(typed[:n], " "))
		if state, ok = presenceNames[command.Unquote(strings.TrimRight(name, ":,"))]; ok {
			return state, strings.Join(typed[n:], " "), true
		}
	}
	return "", "", false
}

// OwnPresence returns how a person is shown on Wazo, in words. It returns a *UserError if the person is not logged in.
func (p *people) OwnPresence(ctx context.Context, by id.UserID) (string, error) {
	acc, err := p.own(by)
	if err != nil {
		return "", err
	}
	presence, err := acc.api.Presence(ctx, acc.uuid())
	if err != nil {
		return "", p.explainPresence(ctx, acc, err)
	}
	return p.texts.YourPresence(*shownPresence(presence, maxStatus)), nil
}

// SetPresence sets how a person is shown on Wazo, as they have typed it: a state and perhaps a text. Without a text the
// earlier one stays, and empty quotation marks remove it. It returns a *UserError if there is no such state, or if the
// person is not logged in.
func (p *people) SetPresence(ctx context.Context, by id.UserID, typed string) (string, error) {
	acc, err := p.own(by)
	if err != nil {
		return "", err
	}
	state, rest, ok := cutPresence(typed)
	if !ok {
		return "", refuse(p.texts.PresenceUnknown(convert.CleanName(typed, convert.MaxProfileBytes)))
	} else if state == notDisturbed {
		return "", refuse(p.texts.PresenceNotDisturbed())
	}
	var status *string
	if rest != "" {
		text := convert.CleanName(command.Unquote(rest), maxStatus)
		status = &text
	}
	if err = acc.api.SetPresence(ctx, state, status); err != nil {
		return "", p.explainPresence(ctx, acc, err)
	}
	shown := words.Presence{State: string(state)}
	if presence, err := acc.api.Presence(ctx, acc.uuid()); err == nil {
		shown = *shownPresence(presence, maxStatus)
	} else {
		p.log.Warn().Err(err).Msg("Failed to read a presence that was just set")
	}
	return p.texts.YourPresence(shown), nil
}

func (p *people) explainPresence(ctx context.Context, acc *account, err error) error {
	if errors.Is(err, wazoapi.ErrUnknownUser) {
		return refuse(p.texts.NoPresence())
	}
	if err = p.explain(ctx, acc, err); err != nil {
		return fmt.Errorf("failed to ask for a presence: %w", err)
	}
	return nil
}
