package wazoapi

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// batches is a BatchHandler that notes what it hears, in order.
type batches struct {
	*recordingHandler
	heard []string
	err   error
}

var _ BatchHandler = (*batches)(nil)

func (b *batches) MessagesCreated(_ context.Context, messages []Message) error {
	var contents []string
	for _, m := range messages {
		contents = append(contents, m.Content)
	}
	b.heard = append(b.heard, fmt.Sprint(contents))
	return b.err
}

func (b *batches) RoomCreated(_ context.Context, r Room) error {
	b.heard = append(b.heard, string(r.UUID))
	return nil
}

// queued is a stream in which events wait for a handler.
func queued(t *testing.T, h Handler, events ...event) *stream {
	s := &stream{a: newFakeWazo(t).account(), h: h, events: eventQueue{limit: 2 * maxMessages}, stop: func() {}}
	s.plugin = newPluginWatch(s)
	for _, ev := range events {
		fits, _ := s.events.put(ev)
		require.True(t, fits)
	}
	return s
}

// served calls the handler of a stream for all that waits. It returns why the connection ends, nil if it does not.
func (s *stream) served(t *testing.T) error {
	s.dispatch(t.Context())
	return s.err
}

func message(content string) event { return event{message: &Message{Content: content}} }

func TestABatchHandlerGetsWhatWaits(t *testing.T) {
	t.Parallel()
	h := &batches{recordingHandler: newRecordingHandler()}
	s := queued(t, h, message("1"), message("2"), event{room: &Room{UUID: "room"}}, message("3"))
	require.NoError(t, s.served(t))
	require.Equal(t, []string{"[1 2]", "room", "[3]"}, h.heard)
}

func TestABatchIsLimited(t *testing.T) {
	t.Parallel()
	h := &batches{recordingHandler: newRecordingHandler()}
	var events []event
	for range maxMessages + 1 {
		events = append(events, message("m"))
	}
	require.NoError(t, queued(t, h, events...).served(t))
	require.Len(t, h.heard, 2)
}

func TestAnErrorOfABatchEndsTheConnection(t *testing.T) {
	t.Parallel()
	h := &batches{recordingHandler: newRecordingHandler(), err: errors.New("no space")}
	err := queued(t, h, message("1"), event{room: &Room{UUID: "room"}}).served(t)
	require.ErrorIs(t, err, h.err)
	require.Equal(t, []string{"[1]"}, h.heard, "what comes behind it is left")
}
