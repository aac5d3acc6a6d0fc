package wazotest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replay sends recorded requests to a simulator and compares its answers.
type replay struct {
	t      *testing.T
	ctx    context.Context
	server *Server
	clock  *ManualClock
	http   *http.Client
	users  map[string]User
	*comparer

	scenarios []scenario
	patience  time.Duration // how long the simulator may take for anything

	file    string
	index   int
	base    time.Time // when the file's clock was zero
	sockets map[string]*socket
	hooks   *hookListener     // nil if the recording has no deliveries of webhookd
	smsIDs  map[string]string // recorded -> ours

	replayed, of int
	skipped      []string
	diffs        []string
	onAnswer     func(method, path string, status int, contentType string, body []byte)
}

func (r *replay) fail(format string, args ...any) {
	r.diffs = append(r.diffs, fmt.Sprintf("%s #%d: ", r.file, r.index)+fmt.Sprintf(format, args...))
}

func (r *replay) failAll(diffs []string) {
	for _, diff := range diffs {
		r.fail("%s", diff)
	}
}

func (r *replay) runAll() {
	for _, sc := range r.scenarios {
		r.run(sc)
	}
}

// run replays one recording.
func (r *replay) run(sc scenario) {
	rec := loadRecording(r.t, sc.file)
	r.file, r.sockets = sc.file, map[string]*socket{}
	r.forgetTokens()
	r.index = -1
	if sc.setup != nil {
		sc.setup(r)
	}
	r.base = r.clock.Now()
	r.logInLabels(rec, sc)
	for i, e := range rec.Exchanges {
		r.index = i
		if prepare := sc.before[i]; prepare != nil {
			prepare(r)
		}
		if !e.counts() && !e.isWebsocketAction() {
			continue
		}
		if reason := sc.skips(e, i); reason != "" {
			if e.counts() {
				r.of++
				r.skipped = append(r.skipped, fmt.Sprintf("%s #%d: %s", sc.file, i, reason))
			}
			continue
		}
		r.tick(e)
		if e.Request != nil && sc.inOrder() {
			r.drainEvents() // what came before the request may name what it is about
		}
		if e.Direction == "received_by_listener" {
			r.delivered(e)
		} else if e.Request != nil {
			answer := r.request(e, sc)
			if label := sc.captures[i]; label != "" {
				r.tokens["<token:"+label+">"] = answer
			}
			r.drainEvents()
		} else {
			r.websocket(e, sc)
		}
		if e.counts() {
			r.of++
			r.replayed++
		}
	}
	r.closeSockets()
	r.closeHooks()
}

// forgetTokens makes room for the next recording's: each was made with tokens
// of its own.
func (r *replay) forgetTokens() {
	for _, token := range r.tokens {
		delete(r.uuids, r.back[token])
		delete(r.back, token)
	}
	clear(r.tokens)
}

// tick moves the clock to the recorded moment, or a little where there is none.
func (r *replay) tick(e exchange) {
	step := 12347 * time.Microsecond
	if e.Millis > 0 {
		step = max(0, r.base.Add(time.Duration(e.Millis*1e6)).Sub(r.clock.Now()))
	}
	r.clock.Advance(step + time.Microsecond)
}

// logInLabels makes the tokens that a recording names, except those with
// a story of their own, which are made when they are first used.
func (r *replay) logInLabels(rec recording, sc scenario) {
	raw, err := json.Marshal(rec.Exchanges)
	require.NoError(r.t, err)
	// json.Marshal escapes < and >.
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(raw))
	for _, label := range r.label.FindAllString(text, -1) {
		name := strings.TrimSuffix(strings.TrimPrefix(label, "<token:"), ">")
		if _, isUser := r.users[name]; isUser && r.tokens[label] == "" {
			r.tokens[label] = r.logIn(name, sc.lifetime(name))
		}
	}
}

// useLabels makes the tokens of a text that have a story: "alice-4s" lives for
// four seconds from now, "alice-expired" has expired.
func (r *replay) useLabels(text string, sc scenario) {
	for _, label := range r.label.FindAllString(text, -1) {
		name := strings.TrimSuffix(strings.TrimPrefix(label, "<token:"), ">")
		user, _, _ := strings.Cut(name, "-")
		if _, isUser := r.users[user]; !isUser || r.tokens[label] != "" {
			continue
		}
		r.tokens[label] = r.logInFor(name, user, sc.lifetime(name))
		if strings.HasSuffix(name, "-expired") || strings.HasSuffix(name, "-expiring") {
			r.clock.Advance(2 * time.Second)
		}
	}
}

// logIn makes a token over HTTP, as the recorder's tool did.
func (r *replay) logIn(name string, lifetime int) string {
	status, token := r.tryLogIn(name, lifetime)
	require.Equal(r.t, http.StatusOK, status, "log-in of %s", name)
	return token
}

func (r *replay) tryLogIn(name string, lifetime int) (status int, token string) {
	u := r.users[name]
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.server.URL()+"/api/auth/0.1/token",
		strings.NewReader(fmt.Sprintf(`{"expiration": %d}`, lifetime)))
	require.NoError(r.t, err)
	req.SetBasicAuth(u.Username, u.Password)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "python-requests/2.28.1")
	resp, err := r.http.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	var body struct{ Data struct{ Token string } }
	require.NoError(r.t, json.NewDecoder(resp.Body).Decode(&body))
	return resp.StatusCode, body.Data.Token
}

// request replays one HTTP exchange and returns the token in its answer, if
// there is one.
func (r *replay) request(e exchange, sc scenario) string {
	req := r.build(e, sc)
	r.asked(e.Request.Path)
	resp, err := r.http.Do(req)
	if err != nil {
		r.fail("%v", err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	body = r.hooks.recorded(body)
	if resp.StatusCode != e.Response.Status {
		r.fail("recorded status %d, got %d: %s", e.Response.Status, resp.StatusCode, short(body))
		return ""
	}
	r.compareHeaders(e.Response.Headers, resp.Header)
	r.failAll(r.compareBody(e, sc, resp.Header.Get("Content-Type"), body))
	if r.onAnswer != nil {
		r.onAnswer(req.Method, req.URL.Path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	var made struct{ Data struct{ Token string } }
	_ = json.Unmarshal(body, &made) // most answers have no token
	return made.Data.Token
}

// compareHeaders compares those that a client may rely on.
func (r *replay) compareHeaders(want map[string]string, got http.Header) {
	for _, name := range []string{"Content-Type", "Wazo-Sessions-Revoked", "X-Powered-By", "Strict-Transport-Security"} {
		if want[name] != got.Get(name) {
			r.fail("recorded %s %q, got %q", name, want[name], got.Get(name))
		}
	}
}

func (r *replay) compareBody(e exchange, sc scenario, contentType string, got []byte) []string {
	if contentType != "application/json" || len(got) == 0 {
		var want string
		if json.Unmarshal(e.Response.Body, &want) != nil || want != string(got) {
			return []string{fmt.Sprintf("recorded body %s, got %q", short(e.Response.Body), short(got))}
		}
		return nil
	}
	want, err := parseOrdered(e.Response.Body)
	require.NoError(r.t, err)
	have, err := parseOrdered(got)
	if err != nil {
		return []string{fmt.Sprintf("not JSON: %q", short(got))}
	}
	path, _, _ := strings.Cut(e.Request.Path, "?")
	switch {
	case strings.HasSuffix(path, "/users/me/rooms"):
		if sc.inOrder() {
			sortMembers(want)
			sortMembers(have)
		}
		r.alignItems(want, have, roomKey)
	case strings.HasSuffix(path, "/users/presences"), strings.HasSuffix(path, "/subscriptions"):
		r.alignItems(want, have, uuidKey)
	}
	return r.value("", want, have)
}

func short(body []byte) []byte { return body[:min(len(body), 300)] }

// build makes the request of an exchange in the simulator's terms.
func (r *replay) build(e exchange, sc scenario) *http.Request {
	recorded := e.Request
	r.useLabels(recorded.Path+" "+recorded.Headers["X-Auth-Token"], sc)
	path := recorded.Path
	if rewrite := sc.paths[r.index]; rewrite != nil {
		path = rewrite(r, path)
	}
	path = r.mapFromDate(r.ours(path))
	req, err := http.NewRequestWithContext(r.ctx, recorded.Method, r.server.URL()+path, bytes.NewReader(r.body(recorded)))
	require.NoError(r.t, err)
	for name, value := range recorded.Headers {
		if name == "Authorization" {
			value = r.authorization(value, sc)
		}
		req.Header.Set(name, r.ours(value))
	}
	return req
}

// body returns the bytes of a recorded body. Raw bodies were not valid JSON,
// or not objects; those that say so by their answer were JSON strings.
func (r *replay) body(recorded *recordedRequest) []byte {
	var text string
	type long struct {
		Start  string `json:"$truncated_string"`
		Length int    `json:"$length"`
	}
	var cut struct {
		Content long
		Config  struct{ Body long }
	}
	switch {
	case string(recorded.Body) == "null" && recorded.Headers["Content-Type"] == "application/json":
		return recorded.Body
	case len(recorded.Body) == 0 || string(recorded.Body) == "null":
		return nil
	case recorded.BodyRaw:
		require.NoError(r.t, json.Unmarshal(recorded.Body, &text))
		if !strings.HasPrefix(text, "{") {
			return recorded.Body
		}
		return latin1(text)
	case json.Unmarshal(recorded.Body, &cut) == nil && cut.Content.Length > 0:
		return fmt.Appendf(nil, `{"content": %q}`, strings.Repeat(cut.Content.Start[:1], cut.Content.Length))
	case cut.Config.Body.Length > 0:
		return longHookBody(cut.Config.Body.Length)
	}
	if long := longTextMessage(recorded.Body); long != nil {
		return long
	}
	r.asked(string(recorded.Body))
	return []byte(r.hooks.ours(r.withSMS(r.ours(string(recorded.Body)))))
}

// latin1 is how the recorder wrote down bytes that are not UTF-8.
func latin1(s string) []byte {
	var out []byte
	for _, c := range s {
		out = append(out, byte(c))
	}
	return out
}

// authorization turns "Basic base64(<NAME>:<password>)" into a header.
func (r *replay) authorization(recorded string, sc scenario) string {
	inner, ok := strings.CutPrefix(recorded, "Basic base64(<")
	if !ok {
		return recorded
	}
	name, _, _ := strings.Cut(inner, ">")
	password, special := sc.passwords[r.index]
	if !special {
		password = "password"
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// mapFromDate replaces the from_date of a query, which is the recorded time of
// a message, by the time that the message has here. The form stays.
func (r *replay) mapFromDate(path string) string {
	head, query, ok := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if !ok || err != nil || values.Get("from_date") == "" {
		return path
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999-07:00", "2006-01-02T15:04:05.999999Z", "2006-01-02T15:04:05.999999"} {
		recorded, err := time.Parse(layout, values.Get("from_date"))
		if err == nil {
			values.Set("from_date", r.time(recorded).UTC().Format(layout))
			return head + "?" + values.Encode()
		}
	}
	return path
}
