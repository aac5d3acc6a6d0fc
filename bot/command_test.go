package bot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
)

func TestAgeOfAnEvent(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name       string
		unsigned   int64 // ms
		sent       time.Time
		acceptedAt time.Time
		want       time.Duration
	}{
		{"the homeserver tells it", 5000, now.Add(-time.Hour), now, 5 * time.Second},
		{"it grows while the event waits in the inbox", 5000, now, now.Add(-time.Minute), 65 * time.Second},
		{"without it the clocks have to do", 0, now.Add(-time.Minute), now, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			evt := &event.Event{Timestamp: test.sent.UnixMilli(), Unsigned: event.Unsigned{Age: test.unsigned}}
			require.InDelta(t, test.want, age(evt, jsontime.UM(test.acceptedAt)), float64(2*time.Second))
		})
	}
}

func TestRefusalsAreSaidOnceAnHour(t *testing.T) {
	var r refusals
	now := time.Now()
	require.True(t, r.first(guestUser, now))
	require.False(t, r.first(guestUser, now.Add(59*time.Minute)))
	require.True(t, r.first(adminUser, now), "others are told too")
	require.True(t, r.first(guestUser, now.Add(61*time.Minute)))
}
