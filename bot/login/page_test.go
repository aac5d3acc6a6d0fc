package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/words"
)

func TestPersonLogsInOnThePage(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	page := b.get(path)
	require.Equal(t, http.StatusOK, page.StatusCode)
	require.Contains(t, page.text(), "The Matrix user @robin:a.example will be logged in to Wazo")
	require.Contains(t, page.text(), "Go on only if you are @robin:a.example.")
	sent := b.send(path, url.Values{"token": {page.token()}, "username": {" alice "}, "password": {goodPassword}, "domain": {"example.org"}})
	require.Equal(t, http.StatusSeeOther, sent.StatusCode)
	require.Equal(t, path, sent.Header.Get("Location"))
	for range 2 { // a reload repeats nothing
		done := b.get(path)
		require.Equal(t, http.StatusOK, done.StatusCode)
		require.Contains(t, done.text(), "The Matrix user @robin:a.example is now logged in to Wazo as Alice Martin (alice).")
		require.Empty(t, done.token())
	}
	require.Equal(t, []relay.LogInRequest{{Username: "alice", Domain: "example.org"}}, f.core.requests)
	require.Equal(t, robin, f.core.users[0])
}

func TestFailedLogInShowsTheFormAgain(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	require.Equal(t, http.StatusSeeOther, b.logIn(path, "alice", "wrong").StatusCode)
	page := b.get(path)
	require.Contains(t, page.body, `role="alert"`)
	require.Contains(t, page.text(), txt.WrongPassword())
	require.Contains(t, page.body, `name="username" type="text" value="alice"`, "the name need not be typed again")
	require.NotContains(t, page.body, "wrong\"")
	require.Equal(t, http.StatusSeeOther, b.logIn(path, "alice", goodPassword).StatusCode)
	require.Contains(t, b.get(path).text(), "You are logged in")
}

func TestEveryOutcomeHasItsOwnWordsOnThePage(t *testing.T) {
	for _, test := range []struct {
		err      error
		want     string
		mayAgain bool
	}{
		{&relay.LogInError{Outcome: relay.LogInWrong, Words: txt.WrongPassword()}, "Wazo refused the log-in.", true},
		{&relay.LogInError{Outcome: relay.LogInDisabled, Words: txt.AccountDisabled()}, "This Wazo account is disabled", true},
		{&relay.LogInError{Outcome: relay.LogInNoChat, Words: txt.AccountMayNotChat([]string{"chatd.users.me.rooms.read"})}, "give it these rights: chatd.users.me.rooms.read.", true},
		{&relay.LogInError{Outcome: relay.LogInServiceDown, Words: txt.LoginServiceDown()}, "does not answer at the moment", true},
		{&relay.LogInError{Outcome: relay.LogInTooMany, Words: txt.TooManySessions()}, "too many sessions", true},
		{&relay.LogInError{Outcome: relay.LogInOtherTenant, Words: txt.OtherTenant()}, "another tenant", true},
		{&relay.LogInError{Outcome: relay.LogInRelayAccount, Words: txt.RelayAccount()}, "account of the relay itself", true},
		{&relay.LogInError{Outcome: relay.LogInTakenByAnother, Words: txt.AccountTaken()}, "Another Matrix user is logged in", true},
		{&relay.LogInError{Outcome: relay.LogInAlready, Words: txt.AlreadyLoggedIn(words.WazoUser{Name: "Al_ice"}, time.Now())}, "already logged in to Wazo as Al_ice", false},
		{&relay.LogInError{Outcome: relay.LogInNotAllowed, Words: txt.NotAllowed()}, "You may not use this bot.", false},
		{errors.New("disk full"), "because of an error in the relay", true},
	} {
		t.Run(test.want, func(t *testing.T) {
			f := newFixture(t)
			f.core.err = test.err
			b := f.browser()
			path := f.link(robin)
			require.Equal(t, http.StatusSeeOther, b.logIn(path, "alice", goodPassword).StatusCode)
			page := b.get(path)
			if test.mayAgain {
				require.Contains(t, page.text(), test.want)
				require.NotEmpty(t, page.token())
			} else {
				require.Equal(t, http.StatusNotFound, page.StatusCode)
				require.Contains(t, page.text(), test.want)
			}
			require.NotContains(t, page.text(), "disk full")
		})
	}
}

func TestIncompleteFormsAreNotTriedOnWazo(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	for _, test := range []struct{ username, password, want string }{
		{"", "x", txt.LoginNameMissing()},
		{"alice", "", txt.LoginNameMissing()},
		{strings.Repeat("a", 257), "x", txt.LoginTooLong()},
		{"alice", strings.Repeat("a", 1025), txt.LoginTooLong()},
	} {
		require.Equal(t, http.StatusSeeOther, b.logIn(path, test.username, test.password).StatusCode)
		require.Contains(t, b.get(path).text(), test.want)
	}
	require.Zero(t, f.core.asked())
}

func TestLinksEnd(t *testing.T) {
	t.Run("unknown", func(t *testing.T) {
		f := newFixture(t)
		for _, path := range []string{f.page.path + "/" + string(newSecret()), f.page.path + "/", f.page.path + "/x", f.page.path, "/", f.link(robin) + "/x"} {
			page := f.browser().get(path)
			require.Equal(t, http.StatusNotFound, page.StatusCode, path)
			require.Contains(t, page.text(), string(words.LoginPageInvalid))
			require.Empty(t, page.Cookies())
		}
	})
	t.Run("expired", func(t *testing.T) {
		f := newFixture(t)
		b := f.browser()
		path := f.link(robin)
		token := b.get(path).token()
		f.pass(Life + time.Second)
		for _, page := range []*answer{b.get(path), b.send(path, url.Values{"token": {token}, "username": {"alice"}, "password": {goodPassword}})} {
			require.Equal(t, http.StatusNotFound, page.StatusCode)
			require.Contains(t, page.text(), string(words.LoginPageInvalid))
		}
		require.Zero(t, f.core.asked())
	})
	t.Run("replaced by a newer one", func(t *testing.T) {
		f := newFixture(t)
		first := f.link(robin)
		other := f.link(eve)
		second := f.link(robin)
		require.Contains(t, f.browser().get(first).text(), string(words.LoginPageInvalid))
		require.Equal(t, http.StatusOK, f.browser().get(second).StatusCode)
		require.Equal(t, http.StatusOK, f.browser().get(other).StatusCode)
	})
	t.Run("forgotten in the end", func(t *testing.T) {
		f := newFixture(t)
		f.link(robin)
		f.pass(Life + keptAfterEnd + time.Second)
		f.link(eve)
		require.Len(t, f.logins.links.byKey, 1)
		require.Len(t, f.logins.links.byUser, 1)
	})
}

func TestUsedLinkDoesNotWorkAgain(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	token := b.get(path).token()
	values := url.Values{"token": {token}, "username": {"alice"}, "password": {goodPassword}}
	require.Equal(t, http.StatusSeeOther, b.send(path, values).StatusCode)
	require.Equal(t, http.StatusSeeOther, b.send(path, values).StatusCode, "the form is sent again: its result is shown")
	require.Equal(t, 1, f.core.asked())

	other := f.browser()
	require.Contains(t, other.get(path).text(), string(words.LoginPageUsed))
	require.NotContains(t, other.get(path).text(), "Alice")
	require.NotEqual(t, http.StatusSeeOther, other.send(path, values).StatusCode)
	require.Equal(t, 1, f.core.asked())
}

func TestOnlyTheBrowserThatTriedFirstMayGoOn(t *testing.T) {
	f := newFixture(t)
	path := f.link(robin)
	first, second := f.browser(), f.browser()
	token := second.get(path).token()
	require.Equal(t, http.StatusSeeOther, first.logIn(path, "alice", "wrong").StatusCode)
	for _, page := range []*answer{
		second.get(path), f.browser().get(path), second.send(path, url.Values{"token": {token}, "username": {"alice"}, "password": {goodPassword}}),
	} {
		require.Equal(t, http.StatusNotFound, page.StatusCode)
		require.Contains(t, page.text(), string(words.LoginPageOther))
		require.NotContains(t, page.body, "alice")
	}
	require.Equal(t, 1, f.core.asked())
	require.Equal(t, http.StatusSeeOther, first.logIn(path, "alice", goodPassword).StatusCode)
}

func TestLookingAtAPageChangesNothing(t *testing.T) {
	f := newFixture(t)
	path := f.link(robin)
	for range 20 { // previews and scanners
		require.Equal(t, http.StatusOK, f.browser().get(path).StatusCode)
	}
	head := f.browser().do(httptest.NewRequest(http.MethodHead, f.page.origin+path, nil))
	require.Equal(t, http.StatusOK, head.StatusCode)
	require.Equal(t, http.StatusSeeOther, f.browser().logIn(path, "alice", goodPassword).StatusCode)
}

func TestForgedRequestsAreRefused(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			if value == "" {
				r.Header.Del(name)
			} else {
				r.Header.Set(name, value)
			}
		}
	}
	for _, test := range []struct {
		name    string
		changes []func(*http.Request)
		want    int
	}{
		{"another origin", []func(*http.Request){header("Origin", "https://evil.example")}, http.StatusForbidden},
		{"another origin of an old browser", []func(*http.Request){header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "")}, http.StatusForbidden},
		{"another scheme", []func(*http.Request){header("Origin", "http://relay.example.org")}, http.StatusForbidden},
		{"another port", []func(*http.Request){header("Origin", "https://relay.example.org:8443")}, http.StatusForbidden},
		{"hidden origin", []func(*http.Request){header("Origin", "null")}, http.StatusForbidden},
		{"another site", []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, http.StatusForbidden},
		{"a neighbour", []func(*http.Request){header("Sec-Fetch-Site", "same-site")}, http.StatusForbidden},
		{"neither origin nor site", []func(*http.Request){header("Sec-Fetch-Site", ""), header("Origin", "")}, http.StatusForbidden},
		{"no cookie", []func(*http.Request){header("Cookie", "")}, http.StatusForbidden},
		{"another cookie", []func(*http.Request){header("Cookie", "__Host-wazo-relay-login="+string(newSecret()))}, http.StatusForbidden},
		{"a cookie that a neighbour can set", []func(*http.Request){header("Cookie", "wazo-relay-login="+string(newSecret()))}, http.StatusForbidden},
		{"another host", []func(*http.Request){func(r *http.Request) { r.Host = "evil.example" }}, http.StatusMisdirectedRequest},
		{"another type", []func(*http.Request){header("Content-Type", "multipart/form-data; boundary=x")}, http.StatusBadRequest},
		{"plain text", []func(*http.Request){header("Content-Type", "text/plain")}, http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			b := f.browser()
			path := f.link(robin)
			page := b.logIn(path, "alice", goodPassword, test.changes...)
			require.Equal(t, test.want, page.StatusCode)
			require.Zero(t, f.core.asked())
			require.Equal(t, http.StatusSeeOther, b.logIn(path, "alice", goodPassword).StatusCode, "the link still works")
		})
	}
}

func TestRequestsThatOnlyLookOddAreAnswered(t *testing.T) {
	f := newFixture(t)
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Header.Del("Origin") },
		func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") },
		func(r *http.Request) { r.Host = "Relay.Example.org:443" },
		func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		},
	} {
		require.Equal(t, http.StatusSeeOther, f.browser().logIn(f.link(robin), "alice", goodPassword, change).StatusCode)
		f.pass(time.Hour)
	}
}

func TestTokenOfAnotherLinkOrBrowserIsRefused(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path, evesPath := f.link(robin), f.link(eve)
	other := f.browser()
	for _, token := range []string{b.get(evesPath).token(), other.get(path).token(), "", "00"} {
		page := b.send(path, url.Values{"token": {token}, "username": {"alice"}, "password": {goodPassword}})
		require.Equal(t, http.StatusForbidden, page.StatusCode)
		require.Contains(t, page.text(), string(words.LoginPageForged))
	}
	require.Zero(t, f.core.asked())
}

func TestFormsThatCannotBeReadAreRefused(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	token := b.get(path).token()
	for _, body := range []string{
		"token=" + token + "&username=alice&password=" + strings.Repeat("x", maxBody),
		"token=" + token + "&username=alice&password=%zz",
		"token=" + token + "&username=alice&password=%f",
		"token=" + token + "&username=%ff&password=x",
	} {
		r := httptest.NewRequest(http.MethodPost, f.page.origin+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", f.page.origin)
		require.Equal(t, http.StatusBadRequest, b.do(r).StatusCode, body[:min(len(body), 200)])
	}
	put := b.do(httptest.NewRequest(http.MethodPut, f.page.origin+path, nil))
	require.Equal(t, http.StatusMethodNotAllowed, put.StatusCode)
	require.Zero(t, f.core.asked())
}

func TestTriesAreLimited(t *testing.T) {
	t.Run("by link", func(t *testing.T) {
		f := newFixture(t)
		b := f.browser()
		path := f.link(robin)
		for range maxTries {
			require.Equal(t, http.StatusSeeOther, b.logIn(path, "alice", "wrong").StatusCode)
		}
		page := b.get(path)
		require.Equal(t, http.StatusNotFound, page.StatusCode)
		require.Contains(t, page.text(), string(words.LoginPageTries))
		require.Equal(t, maxTries, f.core.asked())
	})
	t.Run("by person", func(t *testing.T) {
		f := newFixture(t)
		for try := range 10 {
			b := f.browser()
			b.address = fmt.Sprintf("198.51.100.%d:1", try)
			b.logIn(f.link(robin), "alice", "wrong")
		}
		b := f.browser()
		path := f.link(robin)
		b.logIn(path, "alice", goodPassword)
		require.Contains(t, b.get(path).text(), "too many attempts to log in. Please try again in 60 minutes.")
		require.Equal(t, 10, f.core.asked())
		evesPath := f.link(eve)
		require.Equal(t, http.StatusSeeOther, f.browser().logIn(evesPath, "bob", goodPassword).StatusCode, "others are not limited")
		require.Equal(t, 11, f.core.asked())
		f.pass(time.Hour)
		path = f.link(robin)
		b.logIn(path, "alice", goodPassword)
		require.Contains(t, b.get(path).text(), "You are logged in")
	})
	t.Run("by address", func(t *testing.T) {
		f := newFixture(t)
		b := f.browser()
		for person := range 30 {
			f.browser().logIn(f.link("@colleague:a.example"+id.UserID(rune('a'+person))), "alice", goodPassword)
		}
		require.Equal(t, 30, f.core.asked(), "who logs in takes nothing from others")
		for person := range 20 {
			b.logIn(f.link(robin+id.UserID(rune('a'+person))), "alice", "wrong")
		}
		path := f.link(robin)
		b.logIn(path, "alice", goodPassword)
		require.Contains(t, b.get(path).text(), "too many attempts")
		require.Equal(t, 50, f.core.asked())
	})
	t.Run("not by the address of a proxy that does not say who comes", func(t *testing.T) {
		f := newFixture(t)
		b := f.browser()
		b.address = "172.17.0.1:1234"
		for person := range 20 {
			b.logIn(f.link(robin+id.UserID(rune('a'+person))), "alice", "wrong")
		}
		path := f.link(robin)
		b.logIn(path, "alice", goodPassword)
		require.Contains(t, b.get(path).text(), "You are logged in")
	})
}

func TestAtMostEightPeopleAreLoggedInAtOnce(t *testing.T) {
	f := newFixture(t)
	f.core.entered, f.core.leave = make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for person := range maxAtOnce {
		path, b := f.link(robin+id.UserID(rune('a'+person))), f.browser()
		token := b.get(path).token()
		all.Go(func() {
			b.send(path, url.Values{"token": {token}, "username": {"alice"}, "password": {goodPassword}})
		})
		await.Receive(t, "a log-in to begin", f.core.entered)
	}
	b := f.browser()
	path := f.link(robin)
	b.logIn(path, "alice", goodPassword)
	require.Contains(t, b.get(path).text(), txt.LoginBusy())
	close(f.core.leave)
	all.Wait()
	f.core.mu.Lock()
	f.core.entered = nil
	f.core.mu.Unlock()
	b.logIn(path, "alice", goodPassword)
	require.Contains(t, b.get(path).text(), "You are logged in")
}

func TestFormThatIsSentTwiceLogsInOnce(t *testing.T) {
	f := newFixture(t)
	f.core.entered, f.core.leave = make(chan struct{}), make(chan struct{})
	path, b := f.link(robin), f.browser()
	values := url.Values{"token": {b.get(path).token()}, "username": {"alice"}, "password": {goodPassword}}
	var both sync.WaitGroup
	statuses := make([]int, 2)
	for i := range statuses {
		twin := &browser{f: f, address: b.address, cookies: b.cookies}
		both.Go(func() { statuses[i] = twin.send(path, values).StatusCode })
	}
	await.Receive(t, "the log-in to begin", f.core.entered)
	close(f.core.leave)
	both.Wait()
	require.Equal(t, []int{http.StatusSeeOther, http.StatusSeeOther}, statuses)
	require.Equal(t, 1, f.core.asked())
}

func TestHostileNamesDoNoHarmOnThePage(t *testing.T) {
	f := newFixture(t)
	const hostile = `"><script>alert(1)</script>{{.}} [x](https://evil.example) ` + "`code` **bold**"
	b := f.browser()
	path := f.link(`@"><img src=x>:a.example`)
	f.core.err = &relay.LogInError{Outcome: relay.LogInWrong, Words: txt.AlreadyLoggedIn(words.WazoUser{Name: hostile, Username: "x" + hostile}, time.Now())}
	b.logIn(path, hostile, "x")
	page := b.get(path)
	require.Contains(t, page.text(), hostile+" (x"+hostile+"), since", "it is shown as it is")
	f.core.err = nil
	b.logIn(path, hostile, goodPassword)
	done := b.get(path)
	for _, shown := range []string{page.body, done.body} {
		require.NotContains(t, shown, "<script")
		require.NotContains(t, shown, "<img")
		require.NotContains(t, shown, "<a ")
	}
	require.Contains(t, done.text(), hostile)
}

func TestNamesCannotTurnOrFillThePage(t *testing.T) {
	f := newFixture(t)
	f.core.as = words.WazoUser{Name: "Al\u202eice\u2066 \u200f\n" + strings.Repeat("W", 5000), Username: "al\u202dice"}
	b := f.browser()
	path := f.link("@rob\u202ein:a.example")
	require.Contains(t, b.get(path).text(), "Go on only if you are @robin:a.example.")
	b.logIn(path, "alice", goodPassword)
	done := b.get(path)
	require.Contains(t, done.text(), "@robin:a.example is now logged in to Wazo as Alice WWW")
	require.Contains(t, done.text(), "WWW (alice).")
	require.Contains(t, done.body, "<bdi>Alice", "letters that go from right to left turn nothing around the name")
	require.Less(t, len(done.text()), 1000)
	for _, page := range []*answer{b.get(f.link("@rob\u202ein:a.example")), done} {
		require.NotRegexp(t, regexp.MustCompile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]"), page.body)
	}
}

func TestPageIsProtected(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	for _, page := range []*answer{b.get(path), b.get("/x"), b.logIn(path, "alice", "wrong")} {
		policy := page.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.Contains(t, policy, "form-action 'self'")
		require.Contains(t, policy, "base-uri 'none'")
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "no-store", page.Header.Get("Cache-Control"))
		require.Equal(t, "same-origin", page.Header.Get("Referrer-Policy"))
		require.Equal(t, "nosniff", page.Header.Get("X-Content-Type-Options"))
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(b.get(path).body)[1]
	sum := sha256.Sum256([]byte(style))
	require.Contains(t, b.get(path).Header.Get("Content-Security-Policy"), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "browsers accept the style sheet")
	fresh := f.browser().get(path)
	require.Len(t, fresh.Cookies(), 0, "the link belongs to another browser now")
	fresh = f.browser().get(f.link(robin))
	require.Len(t, fresh.Cookies(), 1)
	require.Regexp(t, `^__Host-wazo-relay-login=[0-9a-f]{64}; Path=/; HttpOnly; Secure; SameSite=Lax$`, fresh.Header.Get("Set-Cookie"))
	require.NotContains(t, fresh.body, "<script")
	require.NotRegexp(t, regexp.MustCompile(`(src|href)=`), fresh.body, "it loads nothing")
	require.NotContains(t, fresh.body, `style="`)
}

func TestPageWorksWithoutTLSForTests(t *testing.T) {
	f := newFixtureAt(t, "http://127.0.0.1:8080/login")
	b := f.browser()
	path := f.link(robin)
	require.Regexp(t, `^wazo-relay-login=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Lax$`, b.get(path).Header.Get("Set-Cookie"))
	require.Equal(t, http.StatusSeeOther, b.logIn(path, "alice", goodPassword).StatusCode)
	require.Contains(t, b.get(path).text(), "You are logged in")
}

func TestFormCanBeUsedByEverybody(t *testing.T) {
	f := newFixture(t)
	page := f.browser().get(f.link(robin)).body
	require.Contains(t, page, `<html lang="en">`)
	require.Equal(t, 1, strings.Count(page, "<h1>"))
	for _, input := range []string{"username", "password", "domain"} {
		require.Contains(t, page, `<label for="`+input+`">`)
		require.Contains(t, page, `<input id="`+input+`" name="`+input+`"`)
	}
	require.Regexp(t, `<input id="username" [^>]* aria-describedby="who" autofocus>`, page, "the warning before the first field is read with it")
	require.Regexp(t, `<p [^>]*id="who"><strong>Go on only if you are`, page)
	require.Contains(t, page, `autocomplete="username"`)
	require.Contains(t, page, `autocomplete="current-password"`)
	require.Contains(t, page, "width=device-width")
	require.Contains(t, page, "prefers-color-scheme: dark")
	require.Contains(t, page, ":focus-visible")
}

func TestSecretsAreNotLogged(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	b.logIn(path, "alice", "wrong-password")
	f.core.err = errors.New("broken")
	b.logIn(path, "alice", goodPassword)
	b.get(path, func(r *http.Request) { r.Host = "evil.example" })
	logged := f.logged.String()
	require.NotEmpty(t, logged)
	for _, secret := range []string{"wrong-password", goodPassword, url.QueryEscape(goodPassword), path[strings.LastIndex(path, "/")+1:], b.cookies["__Host-wazo-relay-login"]} {
		require.NotContains(t, logged, secret)
	}
}

func TestPasswordIsOverwritten(t *testing.T) {
	f := newFixture(t)
	password := []byte(goodPassword)
	_, failed := f.logins.attempt(t.Context(), robin, "", relay.LogInRequest{Username: "alice", Password: password})
	require.Nil(t, failed)
	require.False(t, slices.ContainsFunc(password, func(b byte) bool { return b != 0 }))
}

func TestLogInGoesOnIfTheBrowserHangsUp(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	path := f.link(robin)
	b.logIn(path, "alice", goodPassword, func(r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		f.core.mu.Lock()
		f.core.entered, f.core.leave = make(chan struct{}), make(chan struct{})
		f.core.mu.Unlock()
		go func() {
			<-f.core.entered
			cancel()
			close(f.core.leave)
		}()
		*r = *r.WithContext(ctx)
	})
	require.Contains(t, b.get(path).text(), "You are logged in")
}

// No English may be left in any state of the page.
func TestPageSpeaksTheLanguageOfTheRelay(t *testing.T) {
	f := newFixture(t)
	f.logins.texts = txt.In(words.French)
	plain := strings.NewReplacer("\u00a0", " ", "\u202f", " ")
	english := regexp.MustCompile(`(?i)\b(?:the|you|your|log in|password|domain|link|page is)\b`)
	b := f.browser()
	path := f.link(robin)
	shown := func(part string) {
		t.Helper()
		page := b.get(path)
		require.Contains(t, page.body, `<html lang="fr">`)
		text := plain.Replace(page.text())
		require.Contains(t, text, part)
		require.NotRegexp(t, english, strings.ReplaceAll(text, "!wazo logout", ""))
	}
	shown("Ne continuez que si vous êtes @robin:a.example. Si quelqu’un d’autre vous a envoyé cette page, fermez-la.")
	b.logIn(path, "", "missing")
	shown("Veuillez saisir votre nom d’utilisateur et votre mot de passe.")
	b.logIn(path, "alice", goodPassword)
	shown("L’utilisateur Matrix @robin:a.example est maintenant connecté à Wazo en tant que Alice Martin (alice).")
	path += "0"
	shown("Ce lien n’est pas valable, ou ne l’est plus.")
}
