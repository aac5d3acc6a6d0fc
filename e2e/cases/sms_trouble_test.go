package cases

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// What becomes of a text message is told: the read receipt comes when the provider has taken it, however late or early
// its status comes, and a failure is told at the message.
func TestTextMessagesThatFail(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	room := c.open(t)
	faults := c.Wazo.Faults()

	faults.EarlyStatus(wazotest.Times(1).Saying("early"))
	c.awaitRead(t, room, c.say(t, room, "early"))
	faults.LateStatus(500*time.Millisecond, wazotest.Times(1).Saying("late"))
	c.awaitRead(t, room, c.say(t, room, "late"))
	faults.RefuseSMS(0, wazotest.Times(2).Saying("refused"))
	refused := c.say(t, room, "refused twice")
	c.awaitNotice(t, room, refused, "has not accepted this message yet")
	c.awaitRead(t, room, refused)
	faults.RefuseSMS(0, wazotest.Always().Saying("given up"))
	c.awaitNotice(t, room, c.say(t, room, "given up"), "This text message was not delivered")

	silent := faults.NoStatusEvent(wazotest.Always().Saying("silent"))
	said := c.say(t, room, "silent")
	require.NoError(t, silent.Wait(c.ctx, 1))
	c.Wazo.SMS().Report(c.awaitSent(t, "silent"), wazotest.StatusFailed)
	c.Wazo.RestartWebsocketd() // after a reconnect it is read again
	c.awaitNotice(t, room, said, "This text message was not delivered")
	require.Equal(t, []string{"early", "late", "refused twice", "silent"}, c.sent())
	var retried int
	for _, text := range c.texts(room) {
		retried += strings.Count(text, "has not accepted this message yet")
	}
	require.LessOrEqual(t, retried, 2, "at most once for each message")
}

// A text message whose outcome is unknown is looked for before it is sent again, also by a relay that was killed.
func TestTextMessagesAreNotSentTwice(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	room := c.open(t)
	failing := c.Wazo.Faults().PublishFails(wazotest.Times(1).Saying("answered 500"))
	c.say(t, room, "answered 500, and sent")
	require.NoError(t, failing.Wait(c.ctx, 1))
	c.say(t, room, "two")
	c.awaitSent(t, "two")
	late := c.Wazo.Faults().LateAnswer(time.Second, wazotest.Times(1).Saying("three"))
	c.say(t, room, "three")
	require.NoError(t, late.Wait(c.ctx, 1))
	c.Relay.Kill()
	require.NoError(t, c.Relay.Restart(c.ctx))
	c.awaitRead(t, room, c.say(t, room, "four"))
	require.Equal(t, []string{"answered 500, and sent", "two", "three", "four"}, c.sent())
}

// What comes from outside while RabbitMQ is away is never announced, and can be read only later.
func TestTextMessagesWhileRabbitMQIsAway(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	room := c.open(t)
	down := c.Wazo.Faults().BusLost()
	c.receive(t, "not announced") // and readable after 13 s
	down.Off()
	c.receive(t, "announced, and younger")
	c.waitBot(t, c.Robin, room, harness.Says("announced, and younger"))
	c.waitBot(t, c.Robin, room, harness.Says("not announced"))
}

// A person logs out with text messages on their way. What others of the room write is not sent from the number, and a
// number that moves to another account takes its conversations with it.
func TestTextMessagesBelongToTheOwnerOfTheNumber(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	room := c.open(t)
	c.say(t, room, "zero")
	c.awaitSent(t, "zero")
	cut := c.Wazo.Faults().CutPost(wazotest.Times(1))
	c.say(t, room, "one")
	c.say(t, room, "two")
	require.NoError(t, cut.Wait(c.ctx, 1))
	require.Contains(t, c.ask(t, c.Robin, c.portal.Matrix, "!wazo logout"), "logged out")
	c.receive(t, "are you there?")
	c.logIn(t)
	c.waitBot(t, c.Robin, room, harness.Says("are you there?"))
	c.awaitSent(t, "two")

	ally := c.person(t, "ally", harness.Encrypted)
	desk := c.invite(t, ally, harness.RoomOptions{})
	scarlett := c.Hire("Will", "Scarlett")
	c.Wazo.SetACL(scarlett, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
	require.NoError(t, c.LogIn(c.ctx, ally, desk, scarlett))
	direct, err := ally.WaitInvite(c.ctx, c.BotID()) // where the bot says so
	require.NoError(t, err)
	require.NoError(t, ally.Join(c.ctx, direct))
	c.Wazo.RemoveNumber(c.number)
	c.number = c.Wazo.AddNumber(scarlett, ownNumber)
	said := c.say(t, room, "not mine any more")
	c.awaitNotice(t, room, said, "was not delivered to Wazo")
	c.receive(t, "to the new owner")
	other, err := ally.WaitInvite(c.ctx, c.BotID())
	require.NoError(t, err)
	require.NoError(t, ally.Join(c.ctx, other))
	c.waitBot(t, ally, other, harness.Says("to the new owner"))
	_, err = ally.Send(c.ctx, other, "mine now")
	require.NoError(t, err)
	c.awaitSent(t, "mine now")
	require.Equal(t, []string{"zero", "one", "two", "mine now"}, c.sent())
	for _, text := range c.texts(room) {
		require.NotContains(t, text, "to the new owner")
	}
}

// A long text is counted once, a loop stops at a limit, and a flood of unknown numbers makes few rooms.
func TestTextMessagesAreBounded(t *testing.T) {
	t.Parallel()
	c := openTextingByPage(t)
	room := c.open(t)
	long := strings.Repeat("x", 5000)
	c.awaitNotice(t, room, c.say(t, room, long), "about 33 text messages")
	c.awaitSent(t, long)
	var last id.EventID
	for i := range 60 {
		last = c.say(t, room, fmt.Sprintf("loop %d", i))
	}
	c.awaitNotice(t, room, last, "At most 60 text messages")
	c.awaitSent(t, "loop 58")
	require.LessOrEqual(t, len(c.sent()), 60)

	for i := range 21 {
		require.NoError(t, c.Wazo.SMS().Receive(fmt.Sprintf("+151455502%02d", i), ownNumber, "spam"))
	}
	c.waitDirect(t, "More than 20 new numbers")
}
