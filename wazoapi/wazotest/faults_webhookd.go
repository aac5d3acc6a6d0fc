package wazotest

import "time"

const (
	webhookdDown faultKind = "webhookd down"
	unboundHook  faultKind = "unbound webhook"
	dropHook     faultKind = "drop webhook"
	lateHook     faultKind = "late webhook"
)

// WebhookdDown stops wazo-webhookd: nginx answers 502, and the events of that time are
// lost. What it was about to deliver is delivered later.
func (f *Faults) WebhookdDown() *Fault { return f.add(&Fault{kind: webhookdDown}) }

// UnboundWebhook stores a new subscription that never hears anything, as webhookd does
// after a restart of RabbitMQ (docs/wazo.md, "Webhooks").
func (f *Faults) UnboundWebhook(when When) *Fault {
	return f.add(&Fault{kind: unboundHook, when: when})
}

// DropWebhook loses an event on its way to a subscription.
func (f *Faults) DropWebhook(when When) *Fault {
	return f.add(&Fault{kind: dropHook, when: when})
}

// LateWebhook holds the delivery of an event back for d, so that later ones overtake it.
func (f *Faults) LateWebhook(d time.Duration, when When) *Fault {
	return f.add(&Fault{kind: lateHook, when: when, delay: d})
}
