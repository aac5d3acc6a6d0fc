package chaos

import (
	"context"
	"time"

	"wazo-matrix-relay/wazoapi/wazotest"
)

const (
	providerPrefix = "sms provider: "
	inboundPrefix  = "sms from outside: "
)

// textFaults are the faults of text messages that the proxy does not cause.
type textFaults struct {
	provider *deck[wazoFault]
	inbound  *deck[wazoFault]
}

// providerFaults are what may become of a text message behind chatd. The last ones are what the provider reports.
func (s *fixture) providerFaults(delay time.Duration) []wazoFault {
	refuse := func(times int) func(*wazotest.Faults, wazotest.When) *wazotest.Fault {
		return func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault {
			return f.RefuseSMS(0, w.Again(times))
		}
	}
	return []wazoFault{
		{providerPrefix + "refused once", refuse(1)},
		{providerPrefix + "refused until Wazo gives up", refuse(3)},
		{providerPrefix + "status lost", (*wazotest.Faults).NoStatusEvent},
		{providerPrefix + "status before the message", (*wazotest.Faults).EarlyStatus},
		{providerPrefix + "status late", func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault { return f.LateStatus(delay, w) }},
		{name: providerPrefix + "delivered"},
		{name: providerPrefix + "failed later"},
	}
}

// reports are what the provider reports of a text message that it has taken.
var reports = map[string]string{
	providerPrefix + "delivered":    wazotest.StatusDelivered,
	providerPrefix + "failed later": wazotest.StatusFailed,
}

// setTextFaults puts the faults of text messages in place.
func (s *fixture) setTextFaults(delay time.Duration) {
	if !s.cfg.SMS {
		return
	}
	posts := commonKinds(delay)
	for _, fault := range relayPostFaults(delay) {
		posts = append(posts, fault.asKindOfPost(smsPost, s.Wazo.Faults(), s.armed))
	}
	s.setDeck(s.wazo, smsPost, 2, posts)
	inbound := []wazoFault{
		{inboundPrefix + "stored without event", (*wazotest.Faults).NoEvent},
		{inboundPrefix + "stored, not published", (*wazotest.Faults).PublishFails},
		{inboundPrefix + "committed late", func(f *wazotest.Faults, w wazotest.When) *wazotest.Fault { return f.LateCommit(delay, w) }},
	}
	s.textFaults = textFaults{
		provider: s.textDeck(5, 3, s.providerFaults(delay)),
		inbound:  s.textDeck(6, 4, inbound),
	}
}

func (s *fixture) textDeck(seed uint64, every int, faults []wazoFault) *deck[wazoFault] {
	var used []wazoFault
	for _, fault := range faults {
		if s.cfg.uses(fault.name) {
			s.tally.expect(fault.name)
			used = append(used, fault)
		}
	}
	return newDeck(s.cfg.Seed+seed, every, used)
}

// meetProviderFault lets something happen to a text message that the person is about to write, sometimes.
func (s *fixture) meetProviderFault(ctx context.Context, ph *phone, text string) {
	fault, ok := s.textFaults.provider.draw()
	if !ok {
		return
	} else if fault.arm != nil {
		s.armed.add(fault.name, fault.arm(s.Wazo.Faults(), wazotest.Times(1).Saying(text)))
		return
	}
	s.background.Go(func() {
		sms, err := s.Wazo.SMS().WaitSent(s.whole, func(sms wazotest.SMS) bool { return sms.To == ph.number && sms.Text == text })
		if err == nil {
			s.Wazo.SMS().Report(sms, reports[fault.name])
			s.tally.add(fault.name)
		}
	})
}

// receive has the telephone write, sometimes with a fault.
func (s *fixture) receive(ph *phone, text string) {
	var on *wazotest.Fault
	fault, ok := s.textFaults.inbound.draw()
	if ok {
		on = fault.arm(s.Wazo.Faults(), wazotest.Times(1).Saying(text))
		defer on.Off()
	}
	late := s.busAway.Load() > 0 || s.authors.isUnheard()
	if err := s.Wazo.SMS().Receive(ph.number, ph.login.number.Number, text); err != nil {
		panic(err) // the number is there
	}
	ph.toMx.sent.add(1)
	late = late || s.busAway.Load() > 0 || s.authors.isUnheard()
	if on != nil && on.Fired() > 0 {
		s.tally.add(fault.name)
		late = true
	}
	if late {
		ph.mu.Lock()
		defer ph.mu.Unlock()
		ph.excused[text] = true
	}
}

// readStatusesAgain has the relay read what became of text messages: events that got lost are not repeated, and it
// reads again after a reconnect.
func (s *fixture) readStatusesAgain() {
	if s.cfg.SMS {
		s.Wazo.RestartWebsocketd()
	}
}
