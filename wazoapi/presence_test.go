package wazoapi

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPresenceFromJSON(t *testing.T) {
	t.Parallel()
	full := Presence{
		User: testUser, State: Available, Status: "In a meeting", Line: LineRinging, DoNotDisturb: true, Connected: true, Mobile: true,
		LastActivity: time.Date(2026, 11, 21, 19, 24, 21, 25_893_000, time.UTC),
	}
	for _, tt := range []struct {
		name, json string
		want       Presence
		wantErr    string
	}{
		{
			name: "all keys",
			json: `{"uuid": "FCEC80E5-d5c0-4a0b-b5b2-9dcb254a3e77", "tenant_uuid": "t", "state": "available", "status": "In a meeting", "last_activity": "2026-11-21T19:24:21.025893+00:00", "do_not_disturb": true, "lines": [{"id": 7, "state": "ringing"}], "connected": true, "line_state": "ringing", "mobile": true}`,
			want: full,
		},
		{
			name: "as recorded of who never set one",
			json: `{"uuid": "fcec80e5-d5c0-4a0b-b5b2-9dcb254a3e77", "tenant_uuid": "t", "state": "unavailable", "status": null, "last_activity": null, "do_not_disturb": false, "lines": [], "connected": false, "line_state": "unavailable", "mobile": false}`,
			want: Presence{User: testUser, State: Unavailable, Line: LineUnavailable},
		},
		{name: "only a uuid", json: `{"uuid": "u"}`, want: Presence{User: "u"}},
		{name: "no uuid", json: `{"state": "available"}`, wantErr: "without uuid"},
		{name: "null", json: `null`, wantErr: "without uuid"},
		{name: "a number as state", json: `{"uuid": "u", "state": 1}`, wantErr: "state"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got Presence
			err := json.Unmarshal([]byte(tt.json), &got)
			if tt.wantErr != "" {
				require.ErrorContains(t, err, tt.wantErr)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestOnThePhone(t *testing.T) {
	t.Parallel()
	for state, want := range map[LineState]bool{
		LineRinging: true, LineProgressing: true, LineHolding: true, LineTalking: true, LineAvailable: false, LineUnavailable: false, "": false,
	} {
		assert.Equal(t, want, Presence{Line: state}.OnThePhone(), state)
	}
}
