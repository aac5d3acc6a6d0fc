package main

import (
	"wazo-matrix-relay/e2e/ownaccount"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
)

// account shows what a person does who has an account on both sides. Each message appears where it is written, and
// again where it arrives.
type account struct{ *talk }

var _ ownaccount.Show = account{}

// Note implements ownaccount.Show.
func (a account) Note(text string) { a.screen.note("\n" + text) }

// OnMatrix implements ownaccount.Show.
func (a account) OnMatrix(evt *event.Event) { a.screen.aside(a.matrixLine(evt), false) }

// OnWazo implements ownaccount.Show.
func (a account) OnWazo(author string, message wazotest.Message) {
	a.screen.aside(line{who: author, text: shownOnWazo(message.Content)}, true)
}
