package cases

import (
	"fmt"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const (
	ownNumber      = "+15145550101"
	otherNumber    = "+15145550105"
	customerNumber = "+15145550111"
)

// texting is Robin, who has a number for text messages, with somebody outside Wazo.
type texting struct {
	*chat
	portal *portal
	number wazotest.Identity
}

// openTexting opens a fixture in which Robin has a number and may see it. Robin is not logged in yet.
func openTexting(t *testing.T, encrypted bool, cfg stage.Config) *texting {
	t.Helper()
	if cfg.Env == nil {
		cfg.Env = make(map[string]string)
	}
	cfg.Env["ENCRYPT_ROOMS"] = fmt.Sprint(encrypted)
	s := open(t, withMautrix(), cfg)
	p, own := s.ownPortal(t, encrypted)
	s.Wazo.SetSMS(true)
	c := &texting{chat: &chat{fixture: s, own: own}, portal: p, number: s.Wazo.AddNumber(own, ownNumber)}
	c.allow()
	return c
}

// openTextingByPage is openTexting for a relay with PUBLIC_URL, and logs Robin in.
func openTextingByPage(t *testing.T, options ...wazotest.Option) *texting {
	t.Helper()
	env := make(map[string]string)
	require.NoError(t, stage.WithPage(env))
	c := openTexting(t, false, stage.Config{Env: env, WazoOptions: append(options, wazotest.WithSMSRetries(100*time.Millisecond, 100*time.Millisecond))})
	c.portal.logInByPage(t, c.own)
	return c
}

func (c *texting) logIn(t *testing.T) {
	t.Helper()
	require.NoError(t, c.LogIn(c.ctx, c.Robin, c.portal.Matrix, c.own))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joinDirectChat(t) // where the bot says so
}

// allow gives Robin's account the rights that Wazo's default policy lacks.
func (c *texting) allow() {
	c.Wazo.SetACL(c.own, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
}

func (c *texting) receive(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, c.Wazo.SMS().Receive(customerNumber, ownNumber, text))
}

// open has somebody outside begin a conversation.
func (c *texting) open(t *testing.T) id.RoomID {
	t.Helper()
	c.receive(t, "a table for two?")
	room := c.invited(t)
	c.waitBot(t, c.Robin, room, harness.Says("a table for two?"))
	return room
}

func (c *texting) say(t *testing.T, room id.RoomID, text string) id.EventID {
	t.Helper()
	said, err := c.Robin.Send(c.ctx, room, text)
	require.NoError(t, err)
	return said
}

func (c *texting) sent() (texts []string) {
	for _, sms := range c.Wazo.SMS().Sent() {
		texts = append(texts, sms.Text)
	}
	return texts
}

// awaitSent waits until the provider has taken a text message.
func (c *texting) awaitSent(t *testing.T, text string) wazotest.SMS {
	t.Helper()
	sms, err := c.Wazo.SMS().WaitSent(c.ctx, func(sms wazotest.SMS) bool { return sms.Text == text })
	require.NoError(t, err, "sent: %q", c.sent())
	return sms
}

func (c *texting) awaitRead(t *testing.T, room id.RoomID, said id.EventID) {
	t.Helper()
	_, err := c.Robin.WaitEvent(c.ctx, room, harness.ReadBy(c.BotID(), said))
	require.NoError(t, err)
}

// awaitNotice waits for a notice that answers an event.
func (c *texting) awaitNotice(t *testing.T, room id.RoomID, about id.EventID, text string) {
	t.Helper()
	c.waitBot(t, c.Robin, room, harness.All(harness.Notice(text), func(evt *event.Event) bool {
		return evt.Content.AsMessage().RelatesTo.GetReplyTo() == about
	}))
}

// A person reads and answers text messages from their own number, and starts a conversation with another one. Nothing
// becomes a text message by accident, nothing is sent twice, and a failure is told.
func TestTextMessages(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("encrypted %t", encrypted), func(t *testing.T) {
			t.Parallel()
			c := openTexting(t, encrypted, stage.Config{})
			c.portal.logInByDialogue(t, c.own)
			c.receive(t, "a table for two?")
			room := c.invited(t)
			require.Equal(t, encrypted, c.waitBot(t, c.Robin, room, harness.Says("a table for two?")).Mautrix.WasEncrypted)

			cut := c.Wazo.Faults().CutPost(wazotest.Times(1))
			said := c.say(t, room, "at eight")
			require.NoError(t, cut.Wait(c.ctx, 1))
			sms := c.awaitSent(t, "at eight")
			require.Equal(t, []string{ownNumber, customerNumber}, []string{sms.From, sms.To})
			c.awaitRead(t, room, said)

			edit := &event.MessageEventContent{MsgType: event.MsgText, Body: "at nine"}
			edit.SetEdit(said)
			_, err := c.Robin.SendContent(c.ctx, room, event.EventMessage, edit)
			require.NoError(t, err)
			c.waitBot(t, c.Robin, room, harness.Notice("This stays on Matrix and was not sent"))
			reply := &event.MessageEventContent{MsgType: event.MsgText, Body: "for three?"}
			reply.RelatesTo = (&event.RelatesTo{}).SetReplyTo(said)
			_, err = c.Robin.SendContent(c.ctx, room, event.EventMessage, reply)
			require.NoError(t, err)
			c.waitBot(t, c.Robin, room, harness.Notice("This reply was not sent"))
			_, err = c.Robin.SendFile(c.ctx, room, harness.File{Name: "cat.png", MimeType: "image/png", MsgType: event.MsgImage, Data: []byte("cat")})
			require.NoError(t, err)
			c.waitBot(t, c.Robin, room, harness.Notice("This file was not sent"))
			require.Contains(t, c.ask(t, c.Robin, room, "!wazo number"), "+1 514-555-0101")
			c.say(t, room, "see you")
			last := c.awaitSent(t, "see you")
			require.Equal(t, []string{"at eight", "see you"}, c.sent())
			c.Wazo.SMS().Report(last, wazotest.StatusFailed)
			c.waitBot(t, c.Robin, room, harness.Notice("This text message was not delivered"))

			c.ask(t, c.Robin, room, `!wazo sms "+1 514 555 0112" hello there`)
			require.Equal(t, "+15145550112", c.awaitSent(t, "hello there").To)
			c.left = append(c.left, room)
			c.waitBot(t, c.Robin, c.invited(t), harness.Says("hello there"))
			require.Len(t, c.sent(), 3)
		})
	}
}

// The number that was last written to answers, unless the person chooses another one. The topic names the numbers.
func TestTextMessagesFromSeveralNumbers(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	room := c.open(t)
	c.say(t, room, "one")
	require.Equal(t, ownNumber, c.awaitSent(t, "one").From)
	c.Wazo.AddNumber(c.own, otherNumber)
	_, err := c.Robin.WaitEvent(c.ctx, room, func(evt *event.Event) bool {
		return evt.Type == event.StateTopic && evt.Content.AsTopic().Topic != "" && containsAll(evt.Content.AsTopic().Topic, "+1 514-555-0101", "+1 514-555-0105")
	})
	require.NoError(t, err)
	require.NoError(t, c.Wazo.SMS().Receive(customerNumber, otherNumber, "your other number"))
	c.waitBot(t, c.Robin, room, harness.Says("your other number"))
	c.say(t, room, "two")
	require.Equal(t, otherNumber, c.awaitSent(t, "two").From)
	require.Contains(t, c.ask(t, c.Robin, room, "!wazo number 514 555 0101"), "From now on")
	c.say(t, room, "three")
	require.Equal(t, ownNumber, c.awaitSent(t, "three").From)

	_, err = c.Robin.SendFile(c.ctx, room, harness.File{Name: "cat.png", MimeType: "image/png", MsgType: event.MsgImage, Data: []byte("cat")})
	require.NoError(t, err)
	link, err := c.Wazo.SMS().WaitSent(c.ctx, func(sms wazotest.SMS) bool { return containsAll(sms.Text, "/relay/media/") })
	require.NoError(t, err)
	require.NotContains(t, link.Text, "Robin", "a stranger reads it")
}

// Without the permission to see the own numbers a room is read-only, until an administrator of Wazo has given it and
// the person has logged in again.
func TestTextMessagesWithoutPermission(t *testing.T) {
	t.Parallel()
	env := make(map[string]string)
	require.NoError(t, stage.WithPage(env))
	c := openTexting(t, true, stage.Config{Env: env})
	c.Wazo.SetACL(c.own, wazotest.DefaultUserPolicy())
	c.logIn(t)
	room := c.open(t)
	said := c.say(t, room, "one")
	c.awaitNotice(t, room, said, "chatd.users.me.identities.read")
	c.allow()
	require.Contains(t, c.ask(t, c.Robin, c.portal.Matrix, "!wazo logout"), "logged out")
	c.logIn(t)
	c.say(t, room, "two")
	c.awaitSent(t, "two")
	require.Equal(t, []string{"two"}, c.sent())
}

// One room is made for each number in the form of Wazo, and none for what cannot be written to.
func TestTextMessagesAreStarted(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	c.Wazo.AddNumber(c.portal.author, "+15145550102")
	ask := func(command string) string { return c.ask(t, c.Robin, c.portal.Matrix, command) }
	require.Contains(t, ask("!wazo sms INFO hello"), "not a telephone number")
	require.Contains(t, ask("!wazo sms 24680 hello"), "not a telephone number")
	require.Contains(t, ask(`!wazo sms "(514) 555-0101" hello`), "own number")
	require.Contains(t, ask("!wazo sms 514-555-0102 hello"), "colleague")
	require.Empty(t, c.sent())
	colleague := c.invited(t)

	require.Contains(t, ask(`!wazo sms "1 514 555 0111" hello`), "is on its way")
	require.Equal(t, customerNumber, c.awaitSent(t, "hello").To)
	c.left = append(c.left, colleague)
	room := c.invited(t)
	first := c.waitBot(t, c.Robin, room, harness.Says("hello"))
	c.receive(t, "who is there?")
	c.waitBot(t, c.Robin, room, harness.Says("who is there?"))
	require.Contains(t, ask("!wazo sms +15145550111 hello"), "less than ten minutes ago")
	require.Equal(t, []string{"hello"}, c.sent(), "the same text is not sent again")
	require.Len(t, c.outsideRooms(), 1)
	c.Wazo.SMS().Report(c.awaitSent(t, "hello"), wazotest.StatusFailed)
	c.awaitNotice(t, room, first.ID, "This text message was not delivered")
}

// outsideRooms returns the numbers that have rooms on Wazo.
func (c *texting) outsideRooms() (numbers []string) {
	for _, room := range c.Wazo.Rooms() {
		if room.Outside != "" {
			numbers = append(numbers, room.Number)
		}
	}
	return numbers
}
