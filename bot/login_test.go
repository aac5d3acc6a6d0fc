package bot

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/internal/dbtest"
)

// directChat is the first direct chat that the bot makes.
const directChat = id.RoomID("!made0:a.example")

// awaitLogin waits until somebody is logged in to Wazo as Alice.
func (f *fixture) awaitLogin(user id.UserID) *db.Account {
	f.Helper()
	var login *db.Account
	await.Until(f, "the log-in", func() bool {
		var err error
		login, err = f.db.Account.Login(f.Context(), user)
		return err == nil && login != nil
	})
	require.Equal(f, f.alice.UUID, login.UserUUID)
	return login
}

// login returns how somebody is logged in, nil if they are not.
func (f *fixture) login(user id.UserID) *db.Account {
	f.Helper()
	login, err := f.db.Account.Login(f.Context(), user)
	require.NoError(f, err)
	return login
}

// awaitRedacted waits until the bot has removed so many messages.
func (f *fixture) awaitRedacted(n int) []fakeRedaction {
	f.Helper()
	f.hs.await(fmt.Sprintf("%d removed messages", n), func() bool { return len(f.hs.redacted) >= n })
	f.hs.mu.Lock()
	defer f.hs.mu.Unlock()
	return append([]fakeRedaction{}, f.hs.redacted...)
}

// requireNowhere requires that a secret is neither in a file of the relay nor in its log nor in what it said.
func (f *fixture) requireNowhere(secrets ...string) {
	f.Helper()
	for place, data := range dbtest.Contents(f, f.dbPath) {
		for _, secret := range secrets {
			require.NotContains(f, data, secret, place)
		}
	}
	f.hs.mu.Lock()
	said := fmt.Sprint(f.hs.bodies(""))
	f.hs.mu.Unlock()
	for _, secret := range secrets {
		require.NotContains(f, f.logged.String(), secret)
		require.NotContains(f, said, secret)
	}
}

var linkPattern = regexp.MustCompile(`https://relay\.example\.org(/login/[0-9a-f]{64})`)

// logInAt logs in as Alice on the page at a path. It returns the page as it was before.
func (f *fixture) logInAt(path, password string) string {
	f.Helper()
	ask := func(method string, form url.Values) *http.Response {
		r := httptest.NewRequest(method, "https://relay.example.org"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Origin", "https://relay.example.org")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, cookie := range f.cookies {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		f.bot.LoginPage().ServeHTTP(w, r)
		f.cookies = append(f.cookies, w.Result().Cookies()...)
		return w.Result()
	}
	body := new(strings.Builder)
	require.NoError(f, ask(http.MethodGet, nil).Write(body))
	token := regexp.MustCompile(`name="token" value="([0-9a-f]+)"`).FindStringSubmatch(body.String())
	require.NotNil(f, token, body.String())
	sent := ask(http.MethodPost, url.Values{"token": {token[1]}, "username": {"alice"}, "password": {password}})
	require.Equal(f, http.StatusSeeOther, sent.StatusCode)
	return body.String()
}

func TestPersonLogsInOnThePage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.loginPage = "https://relay.example.org/login"
	f.start()
	f.first()
	f.hs.addRoom(otherRoom, adminUser)
	f.hs.pushMembers(otherRoom)
	f.hs.say(otherRoom, adminUser, "!wazo login")
	path := linkPattern.FindStringSubmatch(f.hs.awaitSent(otherRoom, "open this page within 10 minutes").body())[1]
	require.Contains(t, f.logInAt(path, "secret"), adminUser.String())
	f.awaitLogin(adminUser)
	f.hs.awaitSent(directChat, "") // it is said there
	f.hs.say(otherRoom, adminUser, "!wazo login")
	f.hs.awaitSent(otherRoom, "You are already logged in to Wazo as **Alice Martin** (alice)")
	f.hs.say(otherRoom, adminUser, "!wazo whoami")
	f.hs.awaitSent(otherRoom, "You are logged in to Wazo as **Alice Martin** (alice), since")
	f.hs.say(otherRoom, adminUser, "!wazo logins")
	f.hs.awaitSent(otherRoom, "- `@robin:a.example` as **Alice Martin** (alice), since")
	f.hs.say(otherRoom, adminUser, "!wazo logout")
	f.hs.awaitSent(otherRoom, "You are logged out.")
	require.Nil(t, f.login(adminUser))
}

func TestLinkIsNotSaidWhereOthersReadIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.loginPage = "https://relay.example.org/login"
	f.start()
	f.first()
	f.hs.addRoom(roomID, adminUser, guestUser)
	f.hs.pushMembers(roomID)
	f.hs.say(roomID, adminUser, "!wazo login")
	f.hs.awaitSent(roomID, txt.LoginInDirectChat())
	f.hs.await("the link in the direct chat", func() bool { return len(f.hs.bodies(directChat)) == 1 })
	require.Equal(t, "m.room.encrypted", f.hs.sentTo(directChat)[0].Type)
	for _, said := range f.hs.sentTo(roomID) {
		require.NotContains(t, said.body(), "relay.example.org")
	}
}

func TestPersonWhoHasToAcceptTheInviteIsToldHowToGoOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.hs.shy = true
	f.start()
	f.first()
	f.hs.say(roomID, adminUser, "!wazo login")
	f.hs.awaitSent(roomID, txt.LoginInDirectChat())
	f.hs.allSeen()
	await.Until(t, "the notice that waits for them", func() bool {
		notices, err := f.db.Notice.All(t.Context())
		return err == nil && len(notices) == 1 && notices[0].User == adminUser && notices[0].Markdown == txt.LoginHere()
	})
}

// beginDialogue has robin type the command, and returns their device in the direct chat. The bot has asked for the
// name.
func (f *fixture) beginDialogue() *encrypter {
	f.Helper()
	f.hs.say(roomID, adminUser, "!wazo login")
	f.hs.awaitSent(roomID, txt.LoginInDirectChat())
	f.awaitSaid(1)
	robin := f.newEncrypterIn(directChat, adminUser)
	f.hs.push(robin.wholeKey())
	return robin
}

// awaitSaid waits until the bot has said so many things in the direct chat.
func (f *fixture) awaitSaid(n int) {
	f.Helper()
	f.hs.await(fmt.Sprintf("%d messages in the direct chat", n), func() bool { return len(f.hs.bodies(directChat)) >= n })
}

func TestPersonLogsInByADialogue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.wazo.SetPassword(f.alice, "pass-word-7")
	robin := f.beginDialogue()
	f.hs.pushTimeline(directChat, robin.message("alice"))
	f.awaitSaid(2)
	f.hs.pushTimeline(directChat, robin.message("pass-word-7"))
	f.awaitLogin(adminUser)
	f.awaitSaid(3)
	for _, redaction := range f.awaitRedacted(2) {
		require.Equal(t, directChat, redaction.Room)
		require.Equal(t, txt.RemovalReason(), redaction.Reason)
	}
	f.inboxIsEmpty()
	f.hs.say(roomID, adminUser, "!wazo whoami")
	f.hs.awaitSent(roomID, "You are logged in to Wazo as **Alice Martin** (alice)")
	f.hs.pushTimeline(directChat, robin.message("thank you"))
	f.hs.allSeen()
	require.Len(t, f.awaitRedacted(2), 2, "the dialogue is over")
	f.requireNowhere("pass-word-7")
	f.stop()
	f.requireNowhere("pass-word-7")
}

func TestPasswordWhoseKeyComesLateIsRemovedToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.say(roomID, adminUser, "!wazo login")
	f.awaitSaid(1)
	robin := f.newEncrypterIn(directChat, adminUser)
	f.hs.pushTimeline(directChat, robin.message("alice"))
	f.hs.allSeen()
	f.hs.push(robin.wholeKey())
	f.awaitSaid(2)
	f.hs.pushTimeline(directChat, robin.message("secret"))
	f.awaitLogin(adminUser)
	f.awaitRedacted(2)
}

func TestRestartedBotRemovesThePasswordAndAsksToStartAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	robin := f.beginDialogue()
	f.hs.pushTimeline(directChat, robin.message("alice"))
	f.awaitSaid(2)
	f.awaitRedacted(1)
	f.hs.allSeen()
	f.stop()
	f.hs.pushTimeline(directChat, robin.message("secret"))
	f.start()
	f.awaitSaid(3)
	f.awaitRedacted(2)
	require.Nil(t, f.login(adminUser))
	f.hs.pushTimeline(directChat, robin.message("secret"))
	f.awaitRedacted(3) // people send it again
}

func TestBotThatMayNotRemoveThePasswordSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/redact/") {
			refuse(w, http.StatusForbidden, "M_FORBIDDEN")
			return true
		}
		return false
	})
	f.hs.say(roomID, adminUser, "!wazo login alice hunter2-hunter2")
	f.hs.awaitSent(roomID, txt.LoginAlone())
	f.hs.awaitSent(roomID, txt.CannotRemove())
	f.inboxIsEmpty()
	f.requireNowhere("hunter2-hunter2")
	require.Zero(t, f.hs.asked("createRoom"), "no log-in begins")
}

func TestLoginCommandWithAPasswordIsRemoved(t *testing.T) {
	t.Parallel()
	for typed, who := range map[string]id.UserID{
		"!wazo login alice hunter2-hunter2": adminUser, "!WAZO Login: alice hunter2-hunter2": guestUser,
		"!wazo logn alice hunter2-hunter2": adminUser, "!wazo log in alice hunter2-hunter2": adminUser,
	} {
		f := newFixture(t)
		f.start()
		f.first()
		f.link() // nothing of it may come to Wazo
		f.hs.say(roomID, who, typed)
		require.Equal(t, roomID, f.awaitRedacted(1)[0].Room)
		f.inboxIsEmpty()
		f.hs.say(roomID, adminUser, "the end")
		f.awaitOnWazo("the end")
		f.requireNowhere("hunter2-hunter2")
		require.Zero(t, f.countOnWazo("hunter2"))
	}
}

func TestLoginCommandThatIsReceivedAgainIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.keepSaid()
	repair := f.refuseWrites("INSERT", "inbox", "true")
	f.hs.say(roomID, adminUser, "!wazo login alice hunter2-hunter2")
	f.hs.awaitSent(roomID, txt.LoginAlone())
	f.awaitFailedSync()
	repair()
	f.awaitRedacted(1)
	var said int
	require.NoError(t, f.db.QueryRow(t.Context(), `SELECT count(*) FROM said`).Scan(&said))
	require.Equal(t, 1, said)
}

func TestLoginCommandWhoseKeyComesLateIsRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	robin := f.newEncrypter(adminUser)
	f.hs.pushTimeline(roomID, robin.message("!wazo login alice hunter2-hunter2"))
	f.hs.allSeen()
	f.hs.push(robin.wholeKey())
	f.hs.awaitSent(roomID, txt.LoginAlone())
	f.awaitRedacted(1)
	f.inboxIsEmpty()
	f.requireNowhere("hunter2-hunter2")
}

// Nobody waits for the answer to such a command any more, but the password must go.
func TestLoginCommandInALinkedRoomWhoseKeyComesLateIsRemoved(t *testing.T) {
	t.Parallel()
	for typed, sent := range map[string]time.Time{
		"!wazo login alice hunter2-hunter2": sentThen, "!wazo logn alice hunter2-hunter2": time.Now(), "!wazo log in alice hunter2-hunter2": time.Now(),
	} {
		f, robin := linkedWithoutKey(t, time.Hour)
		f.hs.pushTimeline(roomID, robin.messageOf(typed, sent, nil))
		f.hs.allSeen()
		f.hs.push(robin.wholeKey())
		require.Equal(t, roomID, f.awaitRedacted(1)[0].Room)
		f.inboxIsEmpty()
		f.requireNowhere("hunter2-hunter2")
	}
}

func TestDialogueIsRefusedInAChatThatIsNotEncrypted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.hs.addRoom(otherRoom, adminUser)
	f.start()
	f.first()
	f.hs.pushMembers(otherRoom)
	require.NoError(t, f.db.DirectChat.Put(t.Context(), adminUser, otherRoom))
	f.hs.say(otherRoom, adminUser, "!wazo login")
	f.hs.awaitSent(otherRoom, txt.LoginNotEncrypted())
	f.hs.say(otherRoom, adminUser, "alice")
	f.hs.allSeen()
	require.Empty(t, f.hs.redacted)
}

func TestDialogueIsRefusedInALinkedChat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.beginDialogue()
	_, err := f.db.Exec(t.Context(), `INSERT INTO portal (matrix_room, wazo_room, title, reader_id, linked_by, linked_at, public) VALUES ($1, 'x', 'x', 1, $2, 0, false)`, directChat, adminUser)
	require.NoError(t, err)
	said, err := f.bot.passwords.startLogin(t.Context(), adminUser, directChat)
	require.NoError(t, err)
	require.Equal(t, txt.LoginLinkedRoom(), said)
}

func TestPasswordInAGapIsTakenOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	robin := f.beginDialogue()
	f.hs.allSeen()
	page := fmt.Sprintf(`{"chunk":[%s],"end":""}`, robin.message("alice"))
	f.hs.mu.Lock()
	f.hs.pages["gap"] = page
	f.hs.mu.Unlock()
	events, _, err := f.bot.Backfill(t.Context(), directChat, "gap", "")
	require.NoError(t, err)
	require.Empty(t, events)
	f.awaitRedacted(1)
}
