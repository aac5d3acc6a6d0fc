package relay

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const eveUser = id.UserID("@eve:a.example")

// newLoginFixture is newFixture, with a few people who may use the bot.
func newLoginFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.allowed = []string{robinUser.String(), eveUser.String(), "@ignored:a.example"}
	return f
}

// try logs somebody in with the password of a user on Wazo.
func (f *fixture) try(user id.UserID, wazoUser wazotest.User) (LoggedIn, error) {
	return f.core.LogIn(f.ctx, user, LogInRequest{Username: wazoUser.Username, Password: []byte(wazoUser.Password)})
}

// mustLogIn is try, and must succeed.
func (f *fixture) mustLogIn(user id.UserID, wazoUser wazotest.User) {
	f.Helper()
	_, err := f.try(user, wazoUser)
	require.NoError(f, err)
}

// refreshTokens returns the client ids of a user's refresh tokens on Wazo.
func (f *fixture) refreshTokens(wazoUser wazotest.User) []string {
	f.Helper()
	acc := f.client.Account(wazoapi.Credentials{Username: wazoUser.Username, Password: wazoUser.Password}, nil)
	tokens, err := acc.RefreshTokens(f.ctx)
	require.NoError(f, err)
	require.NoError(f, acc.Logout(f.ctx))
	ids := []string{}
	for _, token := range tokens {
		ids = append(ids, token.ClientID)
	}
	return ids
}

// login returns how a person is logged in, nil if they are not.
func (f *fixture) login(user id.UserID) *db.Account {
	f.Helper()
	row, err := f.db.Account.Login(f.ctx, user)
	require.NoError(f, err)
	return row
}

func (f *fixture) requireOutcome(err error, want LogInOutcome, words string) {
	f.Helper()
	var refused *LogInError
	require.ErrorAs(f, err, &refused)
	require.Equal(f, want, refused.Outcome)
	require.Equal(f, words, refused.Words)
	var shown *UserError
	require.ErrorAs(f, err, &shown)
	require.Equal(f, words, shown.Words)
}

func (f *fixture) told() []string {
	f.matrix.mu.Lock()
	defer f.matrix.mu.Unlock()
	return append([]string{}, f.matrix.direct...)
}

func TestPersonLogsIn(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	loggedIn, err := f.try(robinUser, f.alice)
	require.NoError(t, err)
	as := words.WazoUser{Name: "Alice Martin", Username: "alice"}
	require.Equal(t, LoggedIn{User: robinUser, As: as}, loggedIn)
	require.Equal(t, f.alice.UUID, string(f.core.accounts.of(robinUser).uuid()))
	require.Equal(t, []string{"@robin:a.example via @bot:a.example"}, f.refreshTokens(f.alice))
	require.Equal(t, []string{txt.LoggedIn(robinUser.String(), as)}, f.told())
	require.Equal(t, 1, f.wazo.Sessions(f.alice), "the first access token is used")
	row := f.login(robinUser)
	require.WithinDuration(t, time.Now(), row.Since.Time, time.Minute)
	kept, err := f.db.Account.Token(t.Context(), row.ID)
	require.NoError(t, err)
	require.Empty(t, kept, "only the refresh token is stored")
}

func TestEveryOutcomeOfALogInHasItsOwnWords(t *testing.T) {
	t.Parallel()
	mayNotChat := []string{"!chatd.users.me.rooms.read"}
	for _, test := range []struct {
		name    string
		user    id.UserID
		prepare func(f *fixture) wazotest.User
		outcome LogInOutcome
		words   string
	}{
		{"not allowed", "@mallory:a.example", func(f *fixture) wazotest.User { return f.alice }, LogInNotAllowed, txt.NotAllowed()},
		{"ignored", "@ignored:a.example", func(f *fixture) wazotest.User { return f.alice }, LogInNotAllowed, txt.NotAllowed()},
		{"wrong password", "", func(f *fixture) wazotest.User {
			wrong := f.alice
			wrong.Password = "wrong"
			return wrong
		}, LogInWrong, txt.WrongPassword()},
		{"unknown name", "", func(*fixture) wazotest.User {
			return wazotest.User{Username: "nobody", Password: "x"}
		}, LogInWrong, txt.WrongPassword()},
		{"name that cannot be sent", "", func(*fixture) wazotest.User {
			return wazotest.User{Username: "a:b", Password: "x"}
		}, LogInWrong, txt.WrongPassword()},
		{"disabled, and the relay may not know", "", func(f *fixture) wazotest.User {
			f.wazo.SetEnabled(f.alice, false)
			return f.alice
		}, LogInWrong, txt.WrongPassword()},
		{"disabled, and the relay may know", "", func(f *fixture) wazotest.User {
			f.wazo.SetEnabled(f.alice, false)
			f.wazo.SetACL(f.relay, []string{"auth.users.read"})
			f.wazo.RevokeTokens(f.relay)
			return f.alice
		}, LogInDisabled, txt.AccountDisabled()},
		{"no chat permission", "", func(f *fixture) wazotest.User {
			f.wazo.SetACL(f.alice, mayNotChat)
			return f.alice
		}, LogInNoChat, txt.AccountMayNotChat([]string{"chatd.users.me.rooms.read"})},
		{"wazo-auth is away", "", func(f *fixture) wazotest.User {
			f.wazo.Faults().AuthDown()
			return f.alice
		}, LogInServiceDown, txt.LoginServiceDown()},
		{"wazo-auth fails", "", func(f *fixture) wazotest.User {
			f.wazo.Faults().RefuseToken(wazotest.JSONError(500), wazotest.Always())
			return f.alice
		}, LogInServiceDown, txt.LoginServiceDown()},
		{"too many sessions", "", func(f *fixture) wazotest.User {
			f.wazo.Faults().TokenLimit(wazotest.Always())
			return f.alice
		}, LogInTooMany, txt.TooManySessions()},
		{"another tenant", "", func(f *fixture) wazotest.User {
			return f.wazo.AddUser(wazotest.User{Username: "mallory", Password: "m", Tenant: f.wazo.AddTenant("other")})
		}, LogInOtherTenant, txt.OtherTenant()},
		{"the relay account", "", func(f *fixture) wazotest.User { return f.relay }, LogInRelayAccount, txt.RelayAccount()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newLoginFixture(t)
			f.start()
			wazoUser := test.prepare(f)
			user := test.user
			if user == "" {
				user = robinUser
			}
			_, err := f.try(user, wazoUser)
			f.requireOutcome(err, test.outcome, test.words)
			require.Nil(t, f.login(user))
			require.Nil(t, f.core.accounts.of(user))
			require.Empty(t, f.told())
			f.wazo.Faults().Clear()
			if wazoUser.UUID != "" && wazoUser.Password == f.password(wazoUser) && test.outcome != LogInWrong && test.outcome != LogInDisabled {
				require.Empty(t, f.refreshTokens(wazoUser), "nothing of it remains")
			}
		})
	}
}

// password returns the right password of one of the fixture's users.
func (f *fixture) password(user wazotest.User) string {
	if user.UUID == f.alice.UUID {
		return f.alice.Password
	}
	return user.Password
}

func TestPersonLogsInOnlyOnce(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	require.NoError(t, f.core.MayLogIn(t.Context(), robinUser))
	f.mustLogIn(robinUser, f.alice)
	want := txt.AlreadyLoggedIn(words.WazoUser{Name: "Alice Martin", Username: "alice"}, f.login(robinUser).Since.Time)
	for _, wazoUser := range []wazotest.User{f.alice, f.bob} {
		_, err := f.try(robinUser, wazoUser)
		f.requireOutcome(err, LogInAlready, want)
	}
	f.requireOutcome(f.core.MayLogIn(t.Context(), robinUser), LogInAlready, want)
	require.Len(t, f.refreshTokens(f.alice), 1)
	require.Empty(t, f.refreshTokens(f.bob))
}

// The person is told to type the command, so it must not answer that they are logged in.
func TestLogInThatWazoHasEndedIsNoticedBeforeANewOne(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.loginCheck, f.probeInterval = time.Hour, time.Hour
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.wazo.RevokeRefreshTokens(f.alice)
	require.NoError(t, f.core.MayLogIn(t.Context(), robinUser))
	f.awaitSaidTo(txt.LogInEnded("alice"))
	f.mustLogIn(robinUser, f.bob)
}

func TestAccountOfAnotherPersonIsRefusedAndThePersonIsTold(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	_, err := f.try(eveUser, f.alice)
	f.requireOutcome(err, LogInTakenByAnother, txt.AccountTaken())
	require.Equal(t, txt.AccountWasTried(eveUser.String()), f.told()[1])
	require.Nil(t, f.login(eveUser))
	require.Equal(t, []string{"@robin:a.example via @bot:a.example"}, f.refreshTokens(f.alice))
	require.NoError(t, f.core.accounts.of(robinUser).api.Check(t.Context()), "the account still works")
}

func TestPersonIsToldOfALogInAtTheSameMoment(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	row := &db.Account{MatrixUser: eveUser, Username: "alice", UserUUID: f.alice.UUID, ClientID: "eve"}
	err := f.core.storeLogIn(t.Context(), row, wazoapi.RefreshGrant{Token: "x", ClientID: "eve"}, wazoapi.Token{}, words.WazoUser{Username: "alice"})
	f.requireOutcome(err, LogInTakenByAnother, txt.AccountTaken())
	require.Equal(t, txt.AccountWasTried(eveUser.String()), f.told()[1])
	require.Nil(t, f.login(eveUser))
}

func TestAccountIsFreeWhenWazoRefusesTheLogInOfAnotherPerson(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(eveUser, f.alice)
	f.wazo.RevokeRefreshTokens(f.alice) // by its owner, who sees a log-in that is not theirs
	f.mustLogIn(robinUser, f.alice)
	require.Nil(t, f.login(eveUser))
	require.Nil(t, f.core.accounts.of(eveUser))
	require.Equal(t, robinUser, f.core.accounts.byUUID(wazoapi.UUID(f.alice.UUID)).row.MatrixUser)
	require.Contains(t, f.told(), txt.LogInEnded("alice"), "the other person is told")
}

func TestLogOutRevokesOnWazo(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	said, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	require.Equal(t, txt.LoggedOut(words.WazoUser{Name: "Alice Martin", Username: "alice"}), said)
	require.Zero(t, f.wazo.Sessions(f.alice), "the access token is gone, too")
	require.Empty(t, f.refreshTokens(f.alice))
	require.Nil(t, f.login(robinUser))
	require.Nil(t, f.core.accounts.of(robinUser))
	_, err = f.core.LogOut(t.Context(), robinUser)
	var refused *UserError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, txt.NotLoggedIn(), refused.Words)
	f.mustLogIn(robinUser, f.bob) // another account is free to be used
	require.Equal(t, f.bob.UUID, f.login(robinUser).UserUUID)
}

func TestLogOutIsFinishedWhenWazoAnswersAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(map[bool]string{false: "by the same process", true: "after a restart"}[restart], func(t *testing.T) {
			t.Parallel()
			f := newLoginFixture(t)
			f.start()
			f.mustLogIn(robinUser, f.alice)
			f.wazo.Faults().AuthDown()
			said, err := f.core.LogOut(t.Context(), robinUser)
			require.NoError(t, err)
			require.Equal(t, txt.LoggedOutHere(words.WazoUser{Name: "Alice Martin", Username: "alice"}), said)
			require.Nil(t, f.core.accounts.of(robinUser), "the relay does not use it any more")
			require.Equal(t, db.AccountLeaving, f.login(robinUser).State)
			_, err = f.core.LogOut(t.Context(), robinUser)
			require.Error(t, err)
			if restart {
				f.halt()
				f.wazo.Faults().Clear()
				f.start()
				require.Nil(t, f.core.accounts.of(robinUser))
			} else {
				f.wazo.Faults().Clear()
			}
			await.Until(t, "the log-in to be deleted", func() bool { return f.login(robinUser) == nil })
			require.Empty(t, f.refreshTokens(f.alice))
		})
	}
}

func TestLogOutIsFinishedAfterALogInAtTheSameTime(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	require.NoError(t, f.db.Account.SetState(t.Context(), f.login(robinUser).ID, db.AccountLeaving))
	require.True(t, f.core.loggingIn.Add(robinUser))
	require.Error(t, f.core.finishLogOuts(t.Context()), "it is tried again")
	f.core.loggingIn.Remove(robinUser)
	require.NoError(t, f.core.finishLogOuts(t.Context()))
	require.Nil(t, f.login(robinUser))
}

func TestNewLogInIsNotEndedByAnEarlierLogOut(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	down := f.wazo.Faults().AuthDown()
	_, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	_, err = f.try(robinUser, f.alice)
	f.requireOutcome(err, LogInServiceDown, txt.LoginServiceDown())
	down.Off()
	await.Until(t, "the person to be logged in again", func() bool {
		_, err := f.try(robinUser, f.alice)
		return err == nil
	})
	await.Until(t, "the first log-in to be deleted", func() bool { return len(f.refreshTokens(f.alice)) == 1 })
	require.NoError(t, f.core.finishLogOuts(t.Context()))
	require.NoError(t, f.core.accounts.of(robinUser).api.Check(t.Context()))
}

func TestRefusedLogInCanBeReplaced(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.wazo.RevokeRefreshTokens(f.alice) // nobody has noticed that yet
	f.mustLogIn(robinUser, f.alice)
	require.Equal(t, []string{"@robin:a.example via @bot:a.example 2"}, f.refreshTokens(f.alice), "another name, so that nothing late ends it")
	require.Equal(t, db.AccountActive, f.login(robinUser).State)
	require.NoError(t, f.core.accounts.of(robinUser).api.Check(t.Context()))
}

func TestRevokedLogInIsNoticedWithoutUse(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.loginCheck = 20 * time.Millisecond
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.mustLogIn(eveUser, f.bob)
	f.wazo.RevokeRefreshTokens(f.alice)
	await.Until(t, "the person to be told", func() bool { return len(f.told()) == 3 })
	require.Equal(t, txt.LogInEnded("alice"), f.told()[2])
	require.Equal(t, db.AccountRefused, f.login(robinUser).State)
	require.Equal(t, db.AccountActive, f.login(eveUser).State)
	require.Nil(t, f.core.accounts.of(robinUser))
	who, err := f.core.WhoAmI(t.Context(), robinUser)
	require.NoError(t, err)
	require.True(t, who.Login.Refused)
	said, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	require.Contains(t, said, "You are logged out.")
	require.Len(t, f.told(), 3, "it is said once")
}

func TestTwoLogInsOfOnePersonAtOnce(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	require.True(t, f.core.loggingIn.Add(robinUser))
	_, err := f.try(robinUser, f.alice)
	f.requireOutcome(err, LogInUnderWay, txt.LoginUnderWay())
	_, err = f.core.LogOut(t.Context(), robinUser)
	require.ErrorContains(t, err, txt.LoginUnderWay())
}

func TestLogInThatCannotBeStoredIsTakenBack(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	dbtest.RefuseWrites(t, f.db.Database, "INSERT", "account", "true")
	_, err := f.try(robinUser, f.alice)
	require.ErrorContains(t, err, "failed to store a log-in")
	require.Nil(t, f.core.accounts.of(robinUser))
	require.Empty(t, f.refreshTokens(f.alice))
	require.Zero(t, f.wazo.Sessions(f.alice))
	require.Empty(t, f.told())
}

func TestLoginsAreListed(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	f.mustLogIn(eveUser, f.bob)
	logins, err := f.core.Logins(t.Context())
	require.NoError(t, err)
	require.Len(t, logins, 2)
	require.Equal(t, eveUser.String(), logins[0].User)
	require.Equal(t, words.WazoUser{Name: "Bob Stone", Username: "bob"}, logins[0].As)
	who, err := f.core.WhoAmI(t.Context(), robinUser)
	require.NoError(t, err)
	require.Equal(t, &logins[1], who.Login)
	who, err = f.core.WhoAmI(t.Context(), "@nobody:a.example")
	require.NoError(t, err)
	require.Equal(t, WhoAmI{}, who)
}

func TestAdministratorMapsPeople(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	as, err := f.core.Map(t.Context(), adminUser, robinUser, "alice martin", false)
	require.NoError(t, err)
	require.Equal(t, words.WazoUser{Name: "Alice Martin"}, as)
	wazo, loggedIn, ok := f.core.identities.ofMatrix(robinUser)
	require.Equal(t, []any{wazoapi.UUID(f.alice.UUID), false, true}, []any{wazo, loggedIn, ok})
	require.Nil(t, f.core.accounts.of(robinUser), "a map gives no account")
	who, err := f.core.WhoAmI(t.Context(), robinUser)
	require.NoError(t, err)
	require.Equal(t, WhoAmI{MappedTo: &as, MappedBy: adminUser}, who)

	_, err = f.core.Map(t.Context(), adminUser, eveUser, f.alice.UUID, false)
	require.NoError(t, err, "another mapping takes its place")
	user, was, err := f.core.Unmap(t.Context(), adminUser, "Alice Martin", false)
	require.NoError(t, err)
	require.Equal(t, []any{eveUser, as}, []any{user, was})
	_, _, err = f.core.Unmap(t.Context(), adminUser, eveUser.String(), false)
	require.ErrorContains(t, err, "is not mapped")
}

func TestMapsAreRefused(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	for _, test := range []struct {
		name      string
		by, user  id.UserID
		wazo, err string
	}{
		{"by nobody special", robinUser, eveUser, "bob", txt.NoAdmin()},
		{"of the bot", adminUser, botUser, "bob", txt.MapBot()},
		{"to the relay account", adminUser, eveUser, f.relay.UUID, txt.MapRelayAccount()},
		{"of a person who is logged in", adminUser, robinUser, "bob", "is logged in to Wazo as **alice**"},
		{"to a user as whom somebody is logged in", adminUser, eveUser, "alice", "`@robin:a.example` is logged in"},
		{"to nobody", adminUser, eveUser, "zoe", "found nobody called"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.core.Map(t.Context(), test.by, test.user, test.wazo, false)
			var refused *UserError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Words, test.err)
		})
	}
	_, _, err := f.core.Unmap(t.Context(), robinUser, eveUser.String(), false)
	require.ErrorContains(t, err, txt.NoAdmin())
}

func TestLogInEndsTheMappingOfSomebodyElse(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	_, err := f.core.Map(t.Context(), adminUser, eveUser, "alice", false)
	require.NoError(t, err)
	f.mustLogIn(robinUser, f.alice)
	_, _, ok := f.core.identities.ofMatrix(eveUser)
	require.False(t, ok)
	as := words.WazoUser{Name: "Alice Martin", Username: "alice"}
	require.ElementsMatch(t, []string{txt.LoggedIn(robinUser.String(), as), txt.MappingEnded(robinUser.String(), eveUser.String(), as)}, f.told())
}

func TestLogOutTellsIfWazoKeepsTheLogIn(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.wazo.SetACL(f.alice, []string{"!auth.users.me.tokens.*.delete"})
	f.start()
	f.mustLogIn(robinUser, f.alice)
	said, err := f.core.LogOut(t.Context(), robinUser)
	require.NoError(t, err)
	require.Equal(t, txt.LoggedOutKept(words.WazoUser{Name: "Alice Martin", Username: "alice"}), said)
	require.Nil(t, f.login(robinUser))
	await.Until(t, "the end of the sessions", func() bool { return f.wazo.Sessions(f.alice) == 0 })
}

func TestRefusedLogInTellsIfWazoKeepsIt(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.wazo.SetACL(f.alice, []string{"!chatd.users.me.rooms.read", "!auth.users.me.tokens.*.delete"})
	f.start()
	_, err := f.try(robinUser, f.alice)
	f.requireOutcome(err, LogInNoChat, txt.AccountMayNotChat([]string{"chatd.users.me.rooms.read"})+" "+txt.LoginLeft())
	require.Len(t, f.refreshTokens(f.alice), 1)
	require.Nil(t, f.login(robinUser))
}

func TestCheckOfLoginsSurvivesErrors(t *testing.T) {
	t.Parallel()
	f := newLoginFixture(t)
	f.start()
	f.mustLogIn(robinUser, f.alice)
	acc := f.core.accounts.of(robinUser)
	f.wazo.Faults().AuthDown()
	f.core.isOver(t.Context(), acc)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.core.isOver(ctx, acc)
	require.Equal(t, db.AccountActive, f.login(robinUser).State)
	require.False(t, errors.Is(acc.api.Check(t.Context()), wazoapi.ErrLogInEnded))
}
