package wazotest

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// SMSProvider is the pretend provider of text messages behind the backend of
// [Server.SetSMS]: what leaves Wazo arrives here, and tests answer from here. See
// also [Faults.RefuseSMS].
type SMSProvider struct {
	server *Server

	// Guarded by Server.mu.
	numbers []string // those that it says the tenant has
	sent    []SMS
	inbound int
	reports []string
	changed chan struct{} // closed and replaced with each text message
}

// SMS is a text message that the provider took: one that somebody pays for.
type SMS struct {
	ID          string // the provider's
	MessageUUID string
	From, To    string
	Text        string
}

// ErrUnknownNumber is the error of [SMSProvider.Receive] for a number that nobody
// has, or with the backend off.
var ErrUnknownNumber = errors.New("nobody has the number")

// SMS returns the pretend provider.
func (s *Server) SMS() *SMSProvider { return s.connectors.provider }

// SetNumbers sets the numbers that the provider says the tenant has. Others can be
// used as well.
func (p *SMSProvider) SetNumbers(numbers ...string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.numbers = numbers
}

// SetReports sets the statuses that the provider reports by itself, one after the
// other, of each text message that it takes from now on: none at first.
func (p *SMSProvider) SetReports(statuses ...string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.reports = statuses
}

// take accepts a message of chatd.
func (p *SMSProvider) take(d *delivery) {
	s := p.server
	s.mu.Lock()
	d.providerID = fmt.Sprintf("SM%012d", len(p.sent)+1)
	p.sent = append(p.sent, SMS{
		ID: d.providerID, MessageUUID: d.message.UUID, From: d.from, To: d.address, Text: d.message.Content,
	})
	close(p.changed)
	p.changed = make(chan struct{})
	reports := p.reports
	s.mu.Unlock()
	s.setStatus(d, StatusAccepted)
	for _, status := range reports {
		s.report(d.providerID, status)
	}
}

// Sent returns the text messages that the provider took, in order.
func (p *SMSProvider) Sent() []SMS {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	return slices.Clone(p.sent)
}

// WaitSent returns the first text message that the provider took or will take and
// that match accepts, or the context's error.
func (p *SMSProvider) WaitSent(ctx context.Context, match func(SMS) bool) (SMS, error) {
	for {
		p.server.mu.Lock()
		sent, changed := p.sent, p.changed
		p.server.mu.Unlock()
		if at := slices.IndexFunc(sent, match); at >= 0 {
			return sent[at], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return SMS{}, ctx.Err()
		}
	}
}

// Report reports a status of a text message to chatd: [StatusSent],
// [StatusDelivered] or [StatusFailed]. It panics for one that it did not take.
func (p *SMSProvider) Report(sms SMS, status string) {
	if !p.server.report(sms.ID, status) {
		panic("wazotest: no text message " + sms.ID)
	}
}

// Receive hands a text message from outside to chatd. to must be written as
// [Identity.Number] is. Its error is [ErrUnknownNumber]. No error does not mean that
// chatd keeps the message: it drops those of a pair that has two rooms.
func (p *SMSProvider) Receive(from, to, text string) error {
	p.server.mu.Lock()
	p.inbound++
	id := fmt.Sprintf("receive-%d", p.inbound)
	p.server.mu.Unlock()
	if !p.server.receive(inbound{id: id, from: from, to: to, text: text}) {
		return ErrUnknownNumber
	}
	return nil
}
