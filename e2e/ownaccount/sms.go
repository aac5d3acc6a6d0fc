package ownaccount

import (
	"context"
	"fmt"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// The numbers of the conversation by text messages.
const (
	robinsNumber   = "+15145550101"
	customerNumber = "+15145550111"
)

// PlaySMS plays a conversation with a telephone instead of that of Play: Robin logs
// in, somebody writes to Robin's number, Robin answers, sees that the answer was
// taken, corrects it, which costs nothing, and is told that a text message failed. It
// returns an error if anything is not as it should be.
func PlaySMS(ctx context.Context, s *stage.Stage, show Show) error {
	p := &play{Stage: s, show: show, own: s.Hire("Robin", "Hood")}
	s.Wazo.SetSMS(true)
	s.Wazo.AddNumber(p.own, robinsNumber)
	s.Wazo.SetACL(p.own, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
	show.Note("Robin Hood has a number for text messages on Wazo: " + robinsNumber + ".")
	for _, step := range []func(context.Context) error{p.logIn, p.text} {
		limited, cancel := context.WithTimeout(ctx, patience)
		err := step(limited)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// text plays the conversation.
func (p *play) text(ctx context.Context) error {
	p.show.Note("Somebody writes to that number from a telephone. A room opens for Robin.")
	if err := p.receive("Do you have a table for two?"); err != nil {
		return err
	}
	room, err := p.enter(ctx)
	if err != nil {
		return err
	} else if _, err = p.waitBot(ctx, room, "Do you have a table for two?"); err != nil {
		return err
	}
	p.show.Note("Robin's answer is sent as a text message from Robin's number.")
	first, _, err := p.sayText(ctx, room, "Yes, at eight.")
	if err != nil {
		return err
	}
	p.show.Note("An edit stays on Matrix: a further text message would cost money.")
	edit := &event.MessageEventContent{MsgType: event.MsgText, Body: "Yes, at nine."}
	edit.SetEdit(first)
	if _, err = p.Robin.SendContent(ctx, room, event.EventMessage, edit); err != nil {
		return err
	} else if _, err = p.waitBot(ctx, room, "This stays on Matrix"); err != nil {
		return err
	} else if err = p.receive("Great, see you."); err != nil {
		return err
	} else if _, err = p.waitBot(ctx, room, "Great, see you."); err != nil {
		return err
	}
	p.show.Note("The telephone is switched off now. Robin is told that the next message did not arrive.")
	_, sms, err := p.sayText(ctx, room, "We look forward to it.")
	if err != nil {
		return err
	}
	p.Wazo.SMS().Report(sms, wazotest.StatusFailed)
	if _, err = p.waitBot(ctx, room, "This text message was not delivered"); err != nil {
		return err
	}
	if sent := p.Wazo.SMS().Sent(); len(sent) != 2 {
		return fmt.Errorf("%d text messages were sent: %+v", len(sent), sent)
	}
	return nil
}

// receive has the telephone write to Robin.
func (p *play) receive(text string) error {
	p.show.OnWazo(customerNumber, wazotest.Message{Content: text})
	return p.Wazo.SMS().Receive(customerNumber, robinsNumber, text)
}

// sayText has Robin say something on Matrix, which must arrive at the telephone from
// Robin's number.
func (p *play) sayText(ctx context.Context, room id.RoomID, text string) (id.EventID, wazotest.SMS, error) {
	said, err := p.Robin.Send(ctx, room, text)
	if err != nil {
		return "", wazotest.SMS{}, err
	}
	entry, err := p.Robin.WaitEvent(ctx, room, harness.HasID(said))
	if err != nil {
		return "", wazotest.SMS{}, err
	}
	p.show.OnMatrix(entry.Event)
	sms, err := p.Wazo.SMS().WaitSent(ctx, func(sms wazotest.SMS) bool { return sms.Text == text })
	if err != nil {
		return "", sms, fmt.Errorf("%q was not sent: %w", text, err)
	} else if sms.From != robinsNumber || sms.To != customerNumber {
		return "", sms, fmt.Errorf("%q was sent from %s to %s", text, sms.From, sms.To)
	}
	p.show.OnWazo("to "+sms.To, wazotest.Message{Content: sms.Text})
	return said, sms, nil
}
