package cases

import (
	"fmt"
	"testing"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
)

// A person reads and answers text messages from their own number, and starts a conversation with another one. Nothing
// becomes a text message by accident, nothing is sent twice, and a failure is told.
func TestTextMessages(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("encrypted %t", encrypted), func(t *testing.T) {
			t.Parallel()
			s := open(t, withMautrix(), stage.Config{Env: map[string]string{"ENCRYPT_ROOMS": fmt.Sprint(encrypted)}})
			p, own := s.ownPortal(t, encrypted)
			s.Wazo.SetSMS(true)
			number := s.Wazo.AddNumber(own, "+15145550101")
			s.Wazo.SetACL(own, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
			p.logInByDialogue(t, own)
			c := &chat{fixture: s, own: own}
			sent := func() (texts []string) {
				for _, sms := range s.Wazo.SMS().Sent() {
					texts = append(texts, sms.Text)
				}
				return texts
			}
			awaitSent := func(text string) wazotest.SMS {
				t.Helper()
				sms, err := s.Wazo.SMS().WaitSent(s.ctx, func(sms wazotest.SMS) bool { return sms.Text == text })
				require.NoError(t, err)
				return sms
			}

			require.NoError(t, s.Wazo.SMS().Receive("+15145550111", number.Number, "a table for two?"))
			room := c.invited(t)
			require.Equal(t, encrypted, s.waitBot(t, s.Robin, room, harness.Says("a table for two?")).Mautrix.WasEncrypted)

			cut := s.Wazo.Faults().CutPost(wazotest.Times(1))
			said, err := s.Robin.Send(s.ctx, room, "at eight")
			require.NoError(t, err)
			require.NoError(t, cut.Wait(s.ctx, 1))
			sms := awaitSent("at eight")
			require.Equal(t, []string{number.Number, "+15145550111"}, []string{sms.From, sms.To})
			_, err = s.Robin.WaitEvent(s.ctx, room, harness.ReadBy(s.BotID(), said))
			require.NoError(t, err)

			edit := &event.MessageEventContent{MsgType: event.MsgText, Body: "at nine"}
			edit.SetEdit(said)
			_, err = s.Robin.SendContent(s.ctx, room, event.EventMessage, edit)
			require.NoError(t, err)
			s.waitBot(t, s.Robin, room, harness.Notice("This stays on Matrix and was not sent"))
			require.Contains(t, s.ask(t, s.Robin, room, "!wazo number"), "+1 514-555-0101")
			_, err = s.Robin.Send(s.ctx, room, "see you")
			require.NoError(t, err)
			last := awaitSent("see you")
			require.Equal(t, []string{"at eight", "see you"}, sent())
			s.Wazo.SMS().Report(last, wazotest.StatusFailed)
			s.waitBot(t, s.Robin, room, harness.Notice("This text message was not delivered"))

			s.ask(t, s.Robin, room, `!wazo sms "+1 514 555 0112" hello there`)
			require.Equal(t, "+15145550112", awaitSent("hello there").To)
			c.left = append(c.left, room)
			s.waitBot(t, s.Robin, c.invited(t), harness.Says("hello there"))
			require.Len(t, sent(), 3)
		})
	}
}
