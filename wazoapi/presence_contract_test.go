package wazoapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestContractPresences(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	alice, bob := f.account(f.alice), wazoapi.UUID(f.bob.UUID)
	service := f.addUser(wazotest.User{Username: "service", Purpose: wazotest.PurposeExternalAPI})
	zoe := f.addUser(wazotest.User{Username: "zoe", Tenant: f.wazo.AddTenant("globex")})

	presence, err := alice.Presence(ctx, bob)
	require.NoError(t, err)
	assert.Equal(t, wazoapi.Presence{User: bob, State: wazoapi.Unavailable, Line: wazoapi.LineUnavailable}, presence)
	assert.False(t, presence.OnThePhone())

	text := "In a meeting \x00\U0001F469"
	require.NoError(t, f.account(f.bob).SetPresence(ctx, wazoapi.Away, &text))
	f.wazo.SetPhone(f.bob, "talking")
	f.wazo.SetDoNotDisturb(f.bob, true)
	presence, err = alice.Presence(ctx, bob)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), presence.LastActivity, time.Minute)
	presence.LastActivity = time.Time{}
	assert.Equal(t, wazoapi.Presence{
		User: bob, State: wazoapi.Away, Status: "In a meeting \U0001F469", DoNotDisturb: true, Line: wazoapi.LineTalking, Connected: true,
	}, presence)
	assert.True(t, presence.OnThePhone())

	require.NoError(t, f.account(f.bob).SetPresence(ctx, wazoapi.Invisible, nil))
	presence, err = alice.Presence(ctx, bob)
	require.NoError(t, err)
	assert.Equal(t, wazoapi.Invisible, presence.State)
	assert.NotEmpty(t, presence.Status, "no text keeps the text")
	text = ""
	require.NoError(t, f.account(f.bob).SetPresence(ctx, wazoapi.Available, &text))
	presence, err = alice.Presence(ctx, bob)
	require.NoError(t, err)
	assert.Empty(t, presence.Status)

	for _, none := range []wazotest.User{service, zoe} {
		_, err = alice.Presence(ctx, wazoapi.UUID(none.UUID))
		require.ErrorIs(t, err, wazoapi.ErrUnknownUser, none.Username)
	}
	require.ErrorIs(t, f.account(service).SetPresence(ctx, wazoapi.Available, nil), wazoapi.ErrUnknownUser)
	_, err = alice.Presence(ctx, "..")
	require.ErrorIs(t, err, wazoapi.ErrInvalidUUID)
	var answer *wazoapi.Error
	require.ErrorAs(t, alice.SetPresence(ctx, "busy", nil), &answer)
	assert.Equal(t, 400, answer.Status)

	f.wazo.Faults().PresencesNotReady()
	_, err = alice.Presences(ctx, bob)
	require.ErrorAs(t, err, &answer)
	assert.Equal(t, 503, answer.Status)
}

func TestContractPresencesOfMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	alice := f.account(f.alice)
	wanted := []wazoapi.UUID{"", "x", "99999999-9999-4999-8999-999999999999"}
	for i := range 70 {
		u := f.addUser(wazotest.User{Username: fmt.Sprint("user", i)})
		wanted = append(wanted, wazoapi.UUID(u.UUID), wazoapi.UUID(u.UUID))
	}
	found, err := alice.Presences(t.Context(), wanted...)
	require.NoError(t, err)
	assert.Len(t, found, 70)
	const route = "GET /api/chatd/1.0/users/presences"
	assert.Equal(t, 3, f.wazo.Requests()[route], "71 users, 30 in a request")
	found, err = alice.Presences(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Equal(t, 3, f.wazo.Requests()[route], "nobody is asked for, instead of everybody")
}
