package wazotest

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const customerNumber = "+15145550111"

// startSMS is start with a number for alice and a room with a customer.
func startSMS(t *testing.T, opts ...Option) (f *fixture, number Identity, room Room) {
	t.Helper()
	f = start(t, append(opts, WithSMS())...)
	number = f.AddNumber(f.alice, "+15145550101")
	return f, number, f.CreateOutsideRoom(f.alice, customerNumber)
}

// nextStatus reads frames until a delivery status comes, and returns it.
func (f *fixture) nextStatus(conn *websocket.Conn) string {
	f.Helper()
	for {
		_, frame, err := conn.Read(f.ctx)
		require.NoError(f, err)
		var v struct {
			Data struct {
				Name string
				Data struct{ Status string }
			}
		}
		require.NoError(f, json.Unmarshal(frame, &v))
		if v.Data.Name == "chatd_message_delivery_status" {
			return v.Data.Data.Status
		}
	}
}

func TestATextMessageGoesOutAndIsReported(t *testing.T) {
	t.Parallel()
	f, number, room := startSMS(t)
	conn := f.listenTo(f.token("{}"), "chatd_message_delivery_status")
	m := f.PostSMS(room.UUID, number, "on my way")
	sms, err := f.SMS().WaitSent(f.ctx, func(s SMS) bool { return s.MessageUUID == m.UUID })
	require.NoError(t, err)
	assert.Equal(t, SMS{ID: sms.ID, MessageUUID: m.UUID, From: number.Number, To: customerNumber, Text: "on my way"}, sms)
	assert.Equal(t, StatusAccepted, f.nextStatus(conn))
	f.SMS().Report(sms, StatusFailed)
	assert.Equal(t, StatusFailed, f.nextStatus(conn))
	f.SMS().Report(sms, StatusDelivered)
	assert.Equal(t, StatusDelivered, f.nextStatus(conn))
	f.SMS().Report(sms, StatusFailed)
	assert.Equal(t, StatusDelivered, f.DeliveryStatus(m.UUID), "nothing follows it")

	f.SMS().SetReports(StatusSent, StatusDelivered)
	f.PostSMS(room.UUID, number, "again")
	for _, want := range []string{StatusAccepted, StatusSent, StatusDelivered} {
		assert.Equal(t, want, f.nextStatus(conn))
	}
}

func TestARefusedTextMessageIsTriedAgain(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	f, number, room := startSMS(t, WithClock(clock), WithPingInterval(0), WithSMSRetries(time.Second, time.Second))
	f.Faults().RefuseSMS(0, Times(2).Saying("twice"))
	f.Faults().RefuseSMS(0, Always().Saying("never"))
	twice, never := f.PostSMS(room.UUID, number, "refused twice"), f.PostSMS(room.UUID, number, "never")
	clock.Advance(smsPause)
	assert.Equal(t, StatusRetrying, f.DeliveryStatus(twice.UUID))
	clock.Advance(time.Second)
	assert.Equal(t, StatusRetrying, f.DeliveryStatus(twice.UUID))
	clock.Advance(time.Second)
	assert.Equal(t, StatusAccepted, f.DeliveryStatus(twice.UUID))
	assert.Equal(t, StatusDeadLetter, f.DeliveryStatus(never.UUID))
	assert.Len(t, f.SMS().Sent(), 1)
}

func TestStatusFaults(t *testing.T) {
	t.Parallel()
	f, number, room := startSMS(t)
	conn := f.listenTo(f.token("{}"), "chatd_message_delivery_status", "chatd_user_room_message_created")
	f.Faults().EarlyStatus(Times(1))
	f.PostSMS(room.UUID, number, "early")
	assert.Empty(t, f.event(conn), "the status comes first")
	assert.Equal(t, "early", f.event(conn))

	lost := f.Faults().NoStatusEvent(Times(1))
	silent := f.PostSMS(room.UUID, number, "silent")
	require.NoError(t, lost.Wait(f.ctx, 1))
	assert.Equal(t, StatusAccepted, f.DeliveryStatus(silent.UUID))
	assert.Equal(t, "silent", f.event(conn))
	f.nothingElse(conn)

	late := f.Faults().LateStatus(50*time.Millisecond, Times(1))
	f.PostSMS(room.UUID, number, "late")
	require.NoError(t, late.Wait(f.ctx, 1))
	assert.Equal(t, "late", f.event(conn))
	assert.Equal(t, StatusAccepted, f.nextStatus(conn))
}

func TestTextMessagesFromOutside(t *testing.T) {
	t.Parallel()
	f, number, room := startSMS(t)
	require.NoError(t, f.SMS().Receive("514-555-0111", number.Number, "hello"))
	require.Len(t, f.Messages(room.UUID), 1)
	assert.Equal(t, room.Outside, f.Messages(room.UUID)[0].UserUUID)
	require.ErrorIs(t, f.SMS().Receive(customerNumber, "+15145550199", "hello"), ErrUnknownNumber)

	// Two first messages at the same moment make two rooms of the pair, and from
	// then on everything is dropped.
	require.NoError(t, f.SMS().Receive("+15145550131", number.Number, "first"))
	f.Faults().AtOnce(Times(1))
	require.NoError(t, f.SMS().Receive("+15145550131", number.Number, "second"))
	require.NoError(t, f.SMS().Receive("+15145550131", number.Number, "third"))
	var texts [][]string
	for _, r := range f.Rooms() {
		if r.Outside != "" && r.UUID != room.UUID {
			var inRoom []string
			for _, m := range f.Messages(r.UUID) {
				inRoom = append(inRoom, m.Content)
			}
			texts = append(texts, inRoom)
		}
	}
	assert.Equal(t, [][]string{{"first"}, {"second"}}, texts)
}

func TestInboundWithoutRabbitMQIsLateAndSilent(t *testing.T) {
	t.Parallel()
	clock := NewManualClock(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	f, number, room := startSMS(t, WithClock(clock), WithPingInterval(0))
	down := f.Faults().BusLost()
	require.NoError(t, f.SMS().Receive(customerNumber, number.Number, "hello"))
	down.Off()
	conn := f.listen(f.token("{}"))
	clock.Advance(12 * time.Second)
	assert.Empty(t, f.Messages(room.UUID))
	clock.Advance(2 * time.Second)
	require.Len(t, f.Messages(room.UUID), 1)
	assert.Equal(t, 14*time.Second, clock.Now().Sub(f.Messages(room.UUID)[0].CreatedAt))
	f.nothingElse(conn)
}

func TestOwnNumbersNeedAPolicy(t *testing.T) {
	t.Parallel()
	f, number, room := startSMS(t)
	const path = "/api/chatd/1.0/users/me/identities"
	status, _, _ := f.do(http.MethodGet, path, f.token("{}"), nil)
	assert.Equal(t, http.StatusUnauthorized, status, "the default policy lacks it")
	f.SetACL(f.alice, append(DefaultUserPolicy(), IdentityPolicy()...))
	token := f.token("{}")
	conn := f.listenTo(token, "chatd_user_identity_deleted")
	status, _, body := f.do(http.MethodGet, path+"?room_uuid="+room.UUID, token, nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, string(body), number.UUID)
	f.RemoveNumber(number)
	f.RemoveNumber(number)
	assert.Empty(t, f.event(conn), "the identity is gone")
	f.nothingElse(conn)
	assert.NotEqual(t, number.UUID, f.AddNumber(f.alice, number.Number).UUID, "given back, it has another uuid")
}
