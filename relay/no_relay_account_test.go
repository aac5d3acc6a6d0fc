package relay

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestPersonWhomNobodyCanSpeakForIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, noRelay := range []bool{true, false} {
		t.Run(fmt.Sprintf("no relay account: %t", noRelay), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.noRelay = noRelay
			f.room = f.wazo.CreateRoom("Without the relay", f.alice, f.bob)
			f.start()
			f.logIn(robinUser, f.alice)
			f.linkOwn(robinUser)
			f.matrix.say(adminUser, "one")
			f.matrix.say(robinUser, "two")
			f.matrix.say(adminUser, "three")
			f.awaitPosted("alice/: two")
			f.awaitTold(txt.NotHeardOnWazo(roomID.String(), "Without the relay", false))
			require.Empty(t, f.matrix.allNotices())
			f.wazo.Post(f.room.UUID, f.bob, "four", "")
			f.awaitShown("Bob Stone: four")
		})
	}
}

func TestOwnAccountThatCannotPostWhereNobodyElseMay(t *testing.T) {
	t.Parallel()
	f, _ := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(samUser)
	f.wazo.Faults().RefusePost(chatdError(409, "conflict", ""), wazotest.Times(1).By(f.alice))
	f.matrix.say(robinUser, "one")
	f.matrix.say(samUser, "two")
	f.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyOwnAccount)))
	f.awaitPosted("bob/: two")
}

func TestMessageWaitsForANewLogInWhereNobodyElseMayPostIt(t *testing.T) {
	t.Parallel()
	f, _ := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.linkOwn(samUser)
	f.wazo.RevokeRefreshTokens(f.alice)
	f.wazo.RevokeTokens(f.alice)
	f.matrix.say(robinUser, "one")
	f.matrix.say(robinUser, "two")
	f.matrix.say(samUser, "three")
	f.matrix.awaitNotice(txt.NotDelivered(txt.Why(words.WhyOwnLogin)))
	f.awaitPosted("bob/: three")
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(t, err)
	counts, err := f.db.Queue.Counts(f.ctx, portal.ID)
	require.NoError(t, err)
	require.Equal(t, 2, counts[db.ToWazo].Parked, "no message is lost")
	f.logIn(robinUser, f.alice)
	_, err = f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	f.awaitPosted("bob/: three", "alice/: one", "alice/: two")
}

func TestOnlyTheEndOfTheLinkIsACommandWithoutTheRelayAccount(t *testing.T) {
	t.Parallel()
	f, carol := newPeopleFixture(t)
	f.logIn(robinUser, f.alice)
	f.linkOwn(robinUser)
	f.wazo.Post(f.room.UUID, carol, "!wazo help", "")
	f.awaitShown("Carol White: !wazo help")
	f.wazo.Post(f.room.UUID, carol, "!wazo unlink", "")
	await.Until(t, "the end of the link", func() bool {
		portal, err := f.core.Portal(f.ctx, roomID)
		return err == nil && portal == nil
	})
	await.Until(t, "the goodbye", func() bool { return slices.Contains(f.texts(f.alice), txt.GoodbyeOnWazo()) })
	require.NotContains(t, f.texts(f.alice), txt.HelpOnWazo())
}

func TestFirstLogInDecidesTheTenant(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.noRelay = true
	f.start()
	f.mustLogIn(robinUser, f.alice)
	other := f.wazo.AddUser(wazotest.User{Username: "other", Password: "o", Tenant: f.wazo.AddTenant("other")})
	_, err := f.try(eveUser, other)
	require.ErrorContains(t, err, string(LogInOtherTenant))
	row := &db.Account{MatrixUser: eveUser, Username: "other", UserUUID: other.UUID, TenantUUID: other.Tenant.UUID, ClientID: "eve"}
	err = f.core.storeLogIn(t.Context(), row, wazoapi.RefreshGrant{Token: "x", ClientID: "eve"}, wazoapi.Token{}, words.WazoUser{Username: "other"})
	f.requireOutcome(err, LogInOtherTenant, f.core.texts.OtherTenant()) // at the same moment
	f.mustLogIn(eveUser, f.bob)
}

func TestHealthWithoutARelayAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.noRelay, f.healthInterval = true, 50*time.Millisecond
	f.start()
	f.awaitHealth("nobody to be logged in", func(h Health) bool { return h.Matrix.OK && h.Wazo.OK && h.Wazo.Note != "" })
	status, err := f.core.Status(f.ctx, roomID)
	require.NoError(t, err)
	require.Contains(t, txt.Status(status), "nobody has logged in yet")

	f.logIn(robinUser, f.alice)
	f.logIn(samUser, f.bob)
	f.awaitHealth("all to be well", func(h Health) bool { return h.Wazo.OK && h.Wazo.Note == "" })
	await.Until(f, "the other's connection", func() bool { return f.core.accounts.of(samUser).own.connected.Load() })
	f.wazo.RevokeRefreshTokens(f.alice)
	f.wazo.RevokeTokens(f.alice)
	require.Never(t, func() bool {
		health, err := f.core.Health(f.ctx)
		return err != nil || !health.Wazo.OK
	}, 500*time.Millisecond, 10*time.Millisecond, "one log-in is not Wazo")
	f.awaitTold(txt.WithoutRelayAccount().LogInEnded("alice"))

	down := f.wazo.Faults().ChatdDown()
	f.awaitHealth("chatd to be down", func(h Health) bool { return h.Wazo.says(txt.Why(words.WhyChatFails)) })
	down.Off()
	f.awaitHealth("chatd to be back", func(h Health) bool { return h.Wazo.OK })
}

func TestRelayAccountThatIsTakenAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.logIn(robinUser, f.alice)
	f.link()
	f.matrix.say(adminUser, "by the relay account")
	f.awaitOnWazo("by the relay account")
	f.awaitEmpty()
	f.halt()
	f.wazo.Post(f.room.UUID, f.bob, "meanwhile", "")
	f.noRelay = true
	f.allowed = append(f.allowed, robinUser.String())
	f.start()
	f.awaitReader(robinUser)
	f.awaitShown("Bob Stone: meanwhile")
}

func TestLinkNeedsAnAccount(t *testing.T) {
	t.Parallel()
	f, _ := newPeopleFixture(t)
	users := []wazoapi.RoomUser{{UUID: wazoapi.UUID(f.alice.UUID)}, {UUID: wazoapi.UUID(f.bob.UUID)}}
	_, err := f.core.Link(f.ctx, LinkRequest{Room: roomID, By: adminUser}, wazoapi.Room{UUID: wazoapi.UUID(f.room.UUID), Name: "Team", Users: users})
	require.EqualError(t, err, txt.NoRelayAccount())
}
