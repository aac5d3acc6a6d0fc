package cases

import (
	"encoding/json"
	"strings"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// ordinary replaces the no-break spaces of French typography.
func ordinary(text string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(text)
}

// linkInFrench makes a portal whose relay speaks French, as Stage.Link does with one that speaks English. Robin's own
// Wazo account is a member of its Wazo room.
func (s *fixture) linkInFrench(t *testing.T) (p *portal, own wazotest.User) {
	t.Helper()
	own, author := s.Hire("Robin", "Hood"), s.Hire("Alice", "Martin")
	wazo := s.Wazo.CreateRoom("Sherwood", own, author, s.Cast.Relay)
	room, err := s.Robin.CreateRoom(s.ctx, harness.RoomOptions{Encrypted: true, Invite: []id.UserID{s.BotID()}})
	require.NoError(t, err)
	s.waitBot(t, s.Robin, room, harness.Notice("Bonjour"))
	require.Contains(t, ordinary(s.ask(t, s.Robin, room, "!wazo link "+wazo.UUID)), "Je lie ce salon à")
	s.waitBot(t, s.Robin, room, harness.Notice("Salon lié à"))
	return &portal{fixture: s, Portal: stage.Portal{Matrix: room, Wazo: wazo.UUID}, author: author}, own
}

// People meet nothing but French, from the greeting to the page on which they log in. After a change of the language
// the relay goes on where it was.
func TestRelayThatSpeaksFrench(t *testing.T) {
	t.Parallel()
	cfg := withPage(t)
	cfg.Env["LANGUAGE"] = "fr"
	s := open(t, withMautrix(), cfg)
	p, own := s.linkInFrench(t)
	first := p.Wazo().Messages(p.Portal.Wazo)
	require.NotEmpty(t, first)
	require.Contains(t, ordinary(first[0].Content), "Bonjour ! Cette discussion est désormais liée")

	p.requireTalk(t)
	_, err := p.Robin.SendFile(p.ctx, p.Matrix, harness.File{Name: "chat.png", MimeType: "image/png", MsgType: event.MsgImage, Data: []byte("chat")})
	require.NoError(t, err)
	require.Contains(t, ordinary(p.waitOnWazo(t, "chat.png").Content), "📷 image : [chat.png](")

	sent, err := p.Robin.SendContent(p.ctx, p.Matrix, event.EventMessage, json.RawMessage(`{"msgtype": "m.text", "body": 42}`))
	require.NoError(t, err)
	require.Contains(t, ordinary(p.reply(t, p.Robin, p.Matrix, sent)), "Ce message n’a pas été transmis à Wazo : je n’ai pas compris le contenu du message.")

	status := ordinary(p.ask(t, p.Robin, p.Matrix, "!wazo status"))
	for _, part := range []string{"Lié à Sherwood", "- Matrix : fonctionne ; dernière réponse du serveur d’accueil il y a", "ce salon est chiffré", "- file d’attente : 0 vers Wazo, 0 vers Matrix"} {
		require.Contains(t, strings.ReplaceAll(status, "**", ""), part)
	}
	require.Contains(t, ordinary(p.ask(t, p.Robin, p.Matrix, "!wazo help")), "vérifie que le bot répond")
	require.Contains(t, ordinary(p.ask(t, p.Robin, p.Matrix, "!wazo lnik")), "Vouliez-vous dire")

	said := p.ask(t, p.Robin, p.Matrix, "!wazo login")
	require.Contains(t, ordinary(said), "ouvrez cette page dans un délai de 10 minutes :")
	page, err := stage.OpenLoginPage(p.ctx, said)
	require.NoError(t, err)
	require.Contains(t, page.Text, `<html lang="fr">`)
	require.Contains(t, ordinary(page.Text), "Ne continuez que si vous êtes")
	require.NotContains(t, page.Text, "Log in")
	own.Password = "wrong"
	require.NoError(t, page.LogIn(p.ctx, own))
	require.Contains(t, ordinary(page.Text), "Wazo a refusé la connexion.")

	s.Relay.Setenv("LANGUAGE", "en")
	require.NoError(t, s.Relay.Restart(s.ctx))
	p.requireTalk(t)
	require.Contains(t, p.ask(t, p.Robin, p.Matrix, "!wazo status"), "Linked with")
	require.Len(t, p.onWazo(), 3, "neither what was said in French nor the notices are relayed: %q", p.onWazo())
}
