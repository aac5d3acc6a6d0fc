package wazoapi_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const (
	aliceNumber    = "+15145550101"
	customerNumber = "+15145550111"
)

// outsideFixture is a fixture in which alice has a number and may see it.
type outsideFixture struct {
	*fixture
	ctx    context.Context
	alice  *wazoapi.Account
	number wazotest.Identity
}

func newOutsideFixture(t *testing.T) *outsideFixture {
	f := &outsideFixture{fixture: newFixture(t), ctx: t.Context()}
	f.wazo.SetSMS(true)
	f.number = f.wazo.AddNumber(f.fixture.alice, aliceNumber)
	f.wazo.SetACL(f.fixture.alice, append(wazotest.DefaultUserPolicy(), wazotest.IdentityPolicy()...))
	f.alice = f.account(f.fixture.alice)
	return f
}

func TestContractOwnNumbers(t *testing.T) {
	t.Parallel()
	f := newOutsideFixture(t)
	room, err := f.alice.CreateOutsideRoom(f.ctx, customerNumber)
	require.NoError(t, err)
	want := []wazoapi.Identity{{UUID: wazoapi.UUID(f.number.UUID), Backend: f.number.Backend, Type: "sms", Number: aliceNumber}}
	for _, in := range []wazoapi.UUID{"", room.UUID} {
		numbers, err := f.alice.Identities(f.ctx, in)
		require.NoError(t, err)
		assert.Equal(t, want, numbers)
	}
	inside := f.wazo.CreateRoom("", f.fixture.alice, f.bob)
	numbers, err := f.alice.Identities(f.ctx, wazoapi.UUID(inside.UUID))
	require.NoError(t, err)
	assert.Empty(t, numbers, "bob has no number")
	f.wazo.SetSMS(false)
	numbers, err = f.alice.Identities(f.ctx, "")
	require.NoError(t, err)
	assert.Empty(t, numbers, "the backend is off")

	var refused *wazoapi.Error
	_, err = f.account(f.bob).Identities(f.ctx, "")
	require.ErrorAs(t, err, &refused)
	assert.True(t, refused.MissingPermission(), "the default policy lacks it")
	missing, err := f.account(f.bob).MissingScopes(f.ctx, wazoapi.IdentityScope)
	require.NoError(t, err)
	assert.Equal(t, []string{wazoapi.IdentityScope}, missing)
}

func TestContractRoomsWithSomebodyOutside(t *testing.T) {
	t.Parallel()
	f := newOutsideFixture(t)
	room, err := f.alice.CreateOutsideRoom(f.ctx, customerNumber)
	require.NoError(t, err)
	outside, ok := room.Outside()
	require.True(t, ok)
	assert.Equal(t, customerNumber, outside.Identity)
	again, err := f.alice.CreateOutsideRoom(f.ctx, customerNumber)
	require.NoError(t, err)
	assert.Equal(t, room.UUID, again.UUID)
	other, err := f.alice.CreateOutsideRoom(f.ctx, "514-555-0111")
	require.NoError(t, err)
	assert.NotEqual(t, room.UUID, other.UUID, "the number is not normalised")

	f.wazo.AddNumber(f.bob, "+15145550102")
	colleague, err := f.alice.CreateOutsideRoom(f.ctx, "+15145550102")
	require.NoError(t, err)
	assert.False(t, colleague.HasIdentities(), "the number of a colleague")
	assert.True(t, colleague.Has(wazoapi.UUID(f.bob.UUID)))

	for _, number := range []string{"", "hello", "INFO"} {
		_, err = f.alice.CreateOutsideRoom(f.ctx, number)
		require.ErrorIs(t, err, wazoapi.ErrUnreachable, number)
		assert.False(t, wazoapi.OutcomeUnknown(err))
	}
	carol := f.account(f.addUser(wazotest.User{Username: "carol"}))
	_, err = carol.CreateOutsideRoom(f.ctx, customerNumber)
	require.ErrorIs(t, err, wazoapi.ErrUnreachable, "carol has no number")
	f.wazo.Faults().CutRoom(wazotest.Times(1))
	_, err = f.alice.CreateOutsideRoom(f.ctx, "+15145550112")
	assert.True(t, wazoapi.OutcomeUnknown(err))
	rooms, err := f.alice.Rooms(f.ctx)
	require.NoError(t, err)
	assert.Len(t, rooms, 4, "the room of the lost answer is in the list")
}

func TestContractMessagesToSomebodyOutside(t *testing.T) {
	t.Parallel()
	f := newOutsideFixture(t)
	room, err := f.alice.CreateOutsideRoom(f.ctx, customerNumber)
	require.NoError(t, err)
	post := func(as *wazoapi.Account, identity string) (wazoapi.Message, error) {
		return as.PostMessage(f.ctx, room.UUID, wazoapi.Draft{Content: "hello", Alias: "Alice (Matrix)", Identity: wazoapi.UUID(identity)})
	}
	_, err = post(f.alice, "")
	require.ErrorIs(t, err, wazoapi.ErrIdentityRequired)
	_, err = post(f.alice, "99999999-9999-4999-8999-999999999999")
	require.ErrorIs(t, err, wazoapi.ErrInvalidIdentity)
	_, err = post(f.account(f.bob), f.number.UUID)
	require.ErrorIs(t, err, wazoapi.ErrInvalidIdentity, "another account's")

	message, err := post(f.alice, f.number.UUID)
	require.NoError(t, err, "202 is a success")
	message.Delivery.UpdatedAt = time.Time{}
	assert.Equal(t, wazoapi.Delivery{
		Type: "sms", Backend: f.number.Backend, Number: customerNumber, Status: wazoapi.DeliveryPending,
	}, message.Delivery)
	sms, err := f.wazo.SMS().WaitSent(f.ctx, func(s wazotest.SMS) bool { return s.MessageUUID == message.UUID.String() })
	require.NoError(t, err)
	assert.Equal(t, "hello", sms.Text, "the alias stays in the history")
	f.wazo.SMS().Report(sms, wazotest.StatusDelivered)
	page, err := f.alice.Messages(f.ctx, room.UUID, wazoapi.MessageQuery{})
	require.NoError(t, err)
	assert.Equal(t, wazoapi.DeliveryDelivered, page.Items[0].Delivery.Status)

	// With RabbitMQ away, chatd answers 500 and sends the text message.
	down := f.wazo.Faults().BusLost()
	_, err = post(f.alice, f.number.UUID)
	assert.True(t, wazoapi.OutcomeUnknown(err))
	down.Off()
	_, err = f.wazo.SMS().WaitSent(f.ctx, func(s wazotest.SMS) bool { return s.ID != sms.ID })
	require.NoError(t, err)

	f.wazo.SetSMS(false)
	_, err = post(f.alice, f.number.UUID)
	require.ErrorIs(t, err, wazoapi.ErrUnreachable)
	f.wazo.SetSMS(true)
	f.wazo.RemoveNumber(f.number)
	_, err = post(f.alice, f.number.UUID)
	require.ErrorIs(t, err, wazoapi.ErrInvalidIdentity)
}

// outsideRecorder is a recorder that also hears of people outside Wazo.
type outsideRecorder struct {
	*recorder
	statuses   chan wazoapi.DeliveryChange
	identities chan wazoapi.UUID // whose have changed
}

var _ wazoapi.OutsideHandler = outsideRecorder{}

func (r outsideRecorder) DeliveryChanged(_ context.Context, c wazoapi.DeliveryChange) error {
	r.statuses <- c
	return nil
}

func (r outsideRecorder) IdentitiesChanged(_ context.Context, owner wazoapi.UUID) {
	r.identities <- owner
}

func TestContractEventsAboutPeopleOutside(t *testing.T) {
	t.Parallel()
	f := newOutsideFixture(t)
	r := outsideRecorder{
		&recorder{make(chan struct{}, 10), make(chan error, 1000), make(chan wazoapi.Message, 10), make(chan wazoapi.Room, 10)},
		make(chan wazoapi.DeliveryChange, 10), make(chan wazoapi.UUID, 10),
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.alice.Listen(ctx, r) }()
	await.Receive(t, "a connection", r.connected)

	require.NoError(t, f.wazo.SMS().Receive(customerNumber, aliceNumber, "a table for two?"))
	room := await.Receive(t, "the room of an unknown number", r.rooms)
	outside, ok := room.Outside()
	require.True(t, ok)
	inbound := await.Receive(t, "its message", r.messages)
	assert.Equal(t, outside.UUID, inbound.UserUUID)
	assert.Equal(t, aliceNumber, inbound.Delivery.Number, "which number was written to")

	f.wazo.SMS().SetReports(wazotest.StatusSent, wazotest.StatusFailed)
	message, err := f.alice.PostMessage(ctx, room.UUID, wazoapi.Draft{Content: "yes", Identity: wazoapi.UUID(f.number.UUID)})
	require.NoError(t, err)
	for _, want := range []wazoapi.DeliveryStatus{wazoapi.DeliveryAccepted, wazoapi.DeliverySent, wazoapi.DeliveryFailed} {
		change := await.Receive(t, "a status", r.statuses)
		assert.Equal(t, message.UUID, change.Message)
		assert.Equal(t, want, change.Status)
		assert.WithinDuration(t, time.Now(), change.At, time.Minute)
	}
	f.wazo.RemoveNumber(f.number)
	require.Equal(t, wazoapi.UUID(f.number.UserUUID), await.Receive(t, "the loss of the number", r.identities))
	cancel()
	require.ErrorIs(t, await.Receive(t, "the end of Listen", ended), context.Canceled)
}

func TestAStoredMessageKeepsItsDelivery(t *testing.T) {
	t.Parallel()
	f := newOutsideFixture(t)
	room, err := f.alice.CreateOutsideRoom(f.ctx, customerNumber)
	require.NoError(t, err)
	want, err := f.alice.PostMessage(f.ctx, room.UUID, wazoapi.Draft{Content: "x", Identity: wazoapi.UUID(f.number.UUID)})
	require.NoError(t, err)
	raw, err := json.Marshal(want)
	require.NoError(t, err)
	var got wazoapi.Message
	require.NoError(t, json.Unmarshal(raw, &got))
	assert.Equal(t, want, got)

	var broken wazoapi.Message
	require.NoError(t, json.Unmarshal([]byte(`{"uuid": "m", "user_uuid": "u", "created_at": "2026-11-26T13:07:57+00:00",
		"room": {"uuid": "r"}, "delivery": {"recipients": 5}}`), &broken), "a message is not lost because of its delivery")
	assert.Empty(t, broken.Delivery)
}
