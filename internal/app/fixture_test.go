package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi/wazotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Secrets that may never be printed or logged.
const (
	matrixPassword = "matrix-pass-1f3870be"
	matrixToken    = "matrix-token-d3d94468"
	wazoPassword   = "wazo-pass-4a7d1ed4"
	secretKey      = "secret-key-0cc175b9c0f1b6a8"
)

var secrets = []string{matrixPassword, matrixToken, wazoPassword, secretKey}

// fixture is a homeserver, a Wazo and the environment of a relay between them.
type fixture struct {
	*testing.T
	homeserver *fakeHomeserver
	wazo       *wazotest.Server
	account    wazotest.User
	env        map[string]string
	ended      chan struct{} // closed when the relay that serve started has ended
}

func newFixture(t *testing.T, opts ...wazotest.Option) *fixture {
	f := &fixture{T: t, homeserver: newFakeHomeserver(t), wazo: wazotest.New(opts...)}
	f.account = f.wazo.AddUser(wazotest.User{Username: "relay", Password: wazoPassword, Tenant: f.wazo.AddTenant("acme")})
	require.NoError(t, f.wazo.Start("127.0.0.1:0"))
	t.Cleanup(f.wazo.Stop)
	f.env = map[string]string{
		"MATRIX_USER_ID": botUser, "MATRIX_HOMESERVER_URL": f.homeserver.web.URL, "MATRIX_PASSWORD": matrixPassword,
		"WAZO_URL": f.wazo.URL(), "WAZO_USERNAME": "relay", "WAZO_PASSWORD": wazoPassword,
		"ADMINS": "@robin:a.example", "DATABASE_URL": filepath.Join(t.TempDir(), "relay.db"), "SECRET_KEY": secretKey,
		"ADMIN_LISTEN": freeAddress(t), "LOG_LEVEL": "trace",
	}
	return f
}

// withoutRelayAccount takes the account on Wazo out of the configuration.
func (f *fixture) withoutRelayAccount() {
	delete(f.env, "WAZO_USERNAME")
	delete(f.env, "WAZO_PASSWORD")
}

// freeAddress returns a loopback address at which nobody listens. Its host is used by nobody else, where the system has
// more than one: a test that runs at the same time must not be given the port.
func freeAddress(t *testing.T) string {
	t.Helper()
	pid := os.Getpid()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", pid>>8&0xff, pid&0xff, 2+addresses.Add(1)%250))
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

var addresses atomic.Int32 // that were given out

func environ(vars map[string]string) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, name+"="+vars[name])
	}
	return list
}

// outcome is what a run left behind.
type outcome struct {
	stdout, stderr string
	err            error
	errors         string // as main prints them
}

// run runs the program as main does, until it ends by itself or ctx ends, and looks for secrets in all that it says.
func (f *fixture) run(ctx context.Context, args ...string) outcome {
	f.Helper()
	var stdout, stderr, errors lockedBuffer
	err := run(ctx, args, environ(f.env), &stdout, &stderr)
	if err != nil {
		printErrors(&errors, err)
	}
	out := outcome{stdout.String(), stderr.String(), err, errors.String()}
	for _, secret := range secrets {
		for where, text := range map[string]string{"stdout": out.stdout, "the log": out.stderr, "the errors": out.errors} {
			require.NotContains(f, text, secret, "a secret in %s", where)
		}
	}
	return out
}

// fails runs the program, which must end by itself with one error and one hint, and returns these.
func (f *fixture) fails(args ...string) (failure, hint string) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 20*time.Second)
	defer cancel()
	out := f.run(ctx, args...)
	require.NoError(f, ctx.Err(), "the program did not end by itself")
	require.Error(f, out.err)
	printed := printedErrors(f.T, out.errors)
	require.Len(f, printed, 1, out.errors)
	return printed[0].failure, printed[0].hint
}

// lockedBuffer may be written by many goroutines, like a file.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

type printedError struct{ failure, hint string }

// printedErrors parses what printErrors prints: for each error a line, and a line with a hint, and blank lines between
// them.
func printedErrors(t *testing.T, text string) (list []printedError) {
	t.Helper()
	text = strings.TrimSuffix(text, "\n\n.env.example explains all variables.\n")
	for block := range strings.SplitSeq(strings.TrimPrefix(text, "error: "), "\n\nerror: ") {
		failure, hint, ok := strings.Cut(strings.TrimSuffix(block, "\n"), "\nhint: ")
		require.True(t, ok, "an error without a hint: %q", block)
		require.NotEmpty(t, failure)
		require.NotEmpty(t, hint)
		list = append(list, printedError{failure, hint})
	}
	return list
}

// serve runs the relay, with arguments if there are any, until the returned function is called, which returns what it
// left behind.
func (f *fixture) serve(args ...string) (stop func() outcome) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan struct{})
	f.ended = ended
	var out outcome
	go func() {
		defer close(ended)
		out = f.run(ctx, args...)
	}()
	stop = func() outcome {
		cancel()
		<-ended
		return out
	}
	f.Cleanup(func() { stop() })
	return stop
}

// healthcheck asks the relay whether it is well. It takes the same arguments as serve.
func (f *fixture) healthcheck(args ...string) error {
	return run(f.Context(), append([]string{"healthcheck"}, args...), environ(f.env), io.Discard, io.Discard)
}

// awaitWell waits until the health check of the relay that serve started succeeds. It does not wait for one that has
// ended.
func (f *fixture) awaitWell(args ...string) {
	f.Helper()
	ended := false
	await.Until(f, "the relay to be well", func() bool {
		select {
		case <-f.ended:
			ended = true
		default:
		}
		return ended || f.healthcheck(args...) == nil
	})
	require.False(f, ended, "the relay has ended by itself")
}

const (
	botUser    = "@bot:a.example"
	deviceID   = "DEVICE"
	trialToken = "token-of-a-trial"
)

// fakeHomeserver knows one account and has no news.
type fakeHomeserver struct {
	web  *httptest.Server
	hold atomic.Int64 // ns, how long a poll waits for news that never come

	requests atomic.Int64 // all of them
	asked    atomic.Int64 // those that are not answered yet

	mu        sync.Mutex
	logins    int
	trials    int    // log-ins of --check that are not logged out again
	device    string // that the token is of
	keys      *bottest.KeyServer
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeHomeserver(t *testing.T) *fakeHomeserver {
	f := &fakeHomeserver{device: deviceID}
	f.keys = bottest.NewKeyServer(botUser, func(*http.Request) string { return f.currentDevice() })
	f.hold.Store(int64(50 * time.Millisecond))
	f.web = httptest.NewUnstartedServer(f.handler())
	f.web.Start()
	t.Cleanup(f.web.Close)
	return f
}

func (f *fakeHomeserver) handler() http.Handler {
	mux := http.NewServeMux()
	const v3 = "/_matrix/client/v3"
	mux.HandleFunc("POST "+v3+"/login", f.login)
	mux.HandleFunc("GET "+v3+"/account/whoami", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+matrixToken {
			refuse(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
			return
		}
		fmt.Fprintf(w, `{"user_id":%q,"device_id":%q}`, botUser, f.currentDevice())
	})
	mux.HandleFunc("POST "+v3+"/logout", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer "+trialToken {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.trials--
			fmt.Fprint(w, `{}`)
			return
		}
		f.keys.DropDevice(f.currentDevice())
		fmt.Fprint(w, `{}`)
	})
	f.keys.Mount(mux)
	mux.HandleFunc("GET "+v3+"/sync", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("timeout") != "0" {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Duration(f.hold.Load())):
			}
		}
		fmt.Fprint(w, `{"next_batch":"s1"}`)
	})
	mux.HandleFunc("GET "+v3+"/profile/{user}/displayname", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"displayname":"Wazo"}`) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		f.asked.Add(1)
		defer f.asked.Add(-1)
		w.Header().Set("Content-Type", "application/json")
		f.mu.Lock()
		intercept := f.intercept
		f.mu.Unlock()
		if intercept == nil || !intercept(w, r) {
			mux.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errcode":%q,"error":"no"}`, code)
}

func (f *fakeHomeserver) login(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Password string `json:"password"`
		DeviceID string `json:"device_id"`
		Name     string `json:"initial_device_display_name"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Password != matrixPassword {
		refuse(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(req.Name, "(check)") {
		f.trials++
		fmt.Fprintf(w, `{"user_id":%q,"device_id":"TRIAL","access_token":%q}`, botUser, trialToken)
		return
	}
	if f.device = req.DeviceID; f.device == "" {
		f.device = deviceID + strings.Repeat("+", f.logins)
	}
	f.logins++
	fmt.Fprintf(w, `{"user_id":%q,"device_id":%q,"access_token":%q}`, botUser, f.device, matrixToken)
}

func (f *fakeHomeserver) currentDevice() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.device
}

func (f *fakeHomeserver) onRequest(fn func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intercept = fn
}
