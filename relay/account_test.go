package relay

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// Nothing that the relay account writes is shown, so nobody else may be logged in as it.
func TestLogInAsWhatBecomesTheRelayAccountEnds(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	f.relayName, f.relayPassword = "alice", "a"
	f.start()
	require.Nil(t, f.core.accounts.login(robinUser))
	f.awaitTold(txt.LogInIsRelays("alice"))
	await.Until(t, "the log-in to be deleted", func() bool {
		row, err := f.db.Account.Login(t.Context(), robinUser)
		require.NoError(t, err)
		return row == nil
	})
}

func TestLogInOfAnotherTenantThanTheRelayAccountsEnds(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	f.halt()
	f.wazo.AddUser(wazotest.User{Username: "chief", Password: "c", Tenant: f.wazo.AddTenant("other")})
	f.relayName, f.relayPassword = "chief", "c"
	f.start()
	require.Nil(t, f.core.accounts.login(robinUser))
	f.awaitSaidTo(txt.LogInOfOtherTenant("alice"))
	await.Until(t, "the log-in to be deleted", func() bool { return len(f.refreshTokens(f.alice)) == 0 })
}

// Several unknown numbers may write at the same moment. Their rooms are not in an answer that was on its way before.
func TestRoomsThatAreMadeWhileTheyAreListedAreKnown(t *testing.T) {
	t.Parallel()
	f := newOwnFixture(t)
	answered, let := make(chan struct{}), make(chan struct{})
	slow := httputil.NewSingleHostReverseProxy(must(url.Parse(f.wazo.URL())))
	slow.ModifyResponse = func(answer *http.Response) error {
		if strings.HasSuffix(answer.Request.URL.Path, "/users/me/rooms") {
			close(answered)
			<-let
		}
		return nil
	}
	server := httptest.NewServer(slow)
	t.Cleanup(server.Close)
	client, err := wazoapi.New(wazoapi.Config{URL: server.URL}, zerolog.Nop())
	require.NoError(t, err)
	acc := newAccount(&db.Account{}, client.Account(wazoapi.Credentials{Username: "alice", Password: "a"}, nil))
	done := make(chan error)
	go func() {
		_, err := acc.listRooms(f.ctx)
		done <- err
	}()
	<-answered
	made := []wazoapi.UUID{"a", "b", "c"}
	for _, room := range made {
		acc.addRoom(wazoapi.Room{UUID: room})
	}
	close(let)
	require.NoError(t, <-done)
	for _, room := range made {
		_, known := acc.listedRoom(room)
		require.True(t, known, room)
	}
	_, known := acc.listedRoom(wazoapi.UUID(f.room.UUID))
	require.True(t, known)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
