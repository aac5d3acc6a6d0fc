package app

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

func TestArguments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)

	t.Run("--version prints what the program is made of", func(t *testing.T) {
		f.env = nil // no configuration is needed
		out := f.run(t.Context(), "--version")
		require.NoError(t, out.err)
		require.Contains(t, out.stdout, "wazo-matrix-relay "+version())
		require.Contains(t, out.stdout, "commit ")
		require.Contains(t, out.stdout, runtime.Version())
		require.Regexp(t, `(?m)^mautrix (v\d+\.\d+\.\d+|unknown)$`, out.stdout)
	})

	t.Run("hyphens before a command do not matter", func(t *testing.T) {
		require.Equal(t, f.run(t.Context(), "--version"), f.run(t.Context(), "version"))
		require.Equal(t, f.run(t.Context(), "--help"), f.run(t.Context(), "help"))
		failure, _ := f.fails("--healthcheck")
		require.Contains(t, failure, "the relay does not answer")
		for _, command := range []string{"check", "recovery-key", "--recovery-key", ""} {
			require.Contains(t, f.run(t.Context(), command).errors, "ADMINS is not set", command)
		}
	})

	t.Run("an unknown argument is an error", func(t *testing.T) {
		for _, argument := range []string{"--chekc", "--", "-check"} {
			failure, hint := f.fails(argument)
			require.Contains(t, failure, `"`+argument+`"`)
			require.Contains(t, hint, "--check")
		}
	})

	t.Run("a second argument is an error", func(t *testing.T) {
		failure, _ := f.fails("--check", "--version")
		require.Contains(t, failure, "too many arguments")
	})
}

func TestVersionNamesTheCommitOnce(t *testing.T) {
	t.Parallel()
	require.Equal(t, "v1.2.3 (commit e1cfd86)", withCommit("v1.2.3", "e1cfd86"))
	require.Equal(t, "v1.2.3-4-ge1cfd86-dirty", withCommit("v1.2.3-4-ge1cfd86-dirty", "e1cfd86"))
	require.Equal(t, "e1cfd86", withCommit("e1cfd86", "e1cfd86"))
}

func TestServe(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stop := f.serve()
	f.awaitWell()
	out := stop()
	require.NoError(t, out.err, "being stopped is no failure")
	require.Contains(t, out.stderr, "Relay started")
	require.Contains(t, out.stderr, "Relay stopped")
	require.Contains(t, out.stderr, `"version":"`+version()+`"`)
	require.Equal(t, 1, f.homeserver.logins)

	t.Run("the times in the log are readable", func(t *testing.T) {
		for line := range strings.Lines(out.stderr) {
			var entry struct{ Time string }
			require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
			_, err := time.Parse(time.RFC3339, entry.Time)
			require.NoError(t, err, line)
		}
	})

	t.Run("a second start uses the log-ins of the first", func(t *testing.T) {
		sessions := f.wazo.Sessions(f.account)
		stop := f.serve()
		f.awaitWell()
		require.NoError(t, stop().err)
		require.Equal(t, 1, f.homeserver.logins)
		require.Equal(t, sessions, f.wazo.Sessions(f.account))
	})

	t.Run("a Wazo that is away does not keep it from starting, but it is not well", func(t *testing.T) {
		f.wazo.Stop()
		stop := f.serve()
		await.Until(t, "only Matrix to be well", func() bool {
			err := f.healthcheck()
			return err != nil && strings.Contains(err.Error(), `"matrix":true,"wazo":false`)
		})
		require.NoError(t, stop().err)
	})
}

// A homeserver without news keeps a poll open for half a minute. Nothing is wrong in the meantime.
func TestARestartedRelayIsWellBeforeThereIsNews(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.startOnce()
	f.homeserver.hold.Store(int64(time.Hour))
	stop := f.serve()
	f.awaitWell()
	require.NoError(t, stop().err)
}

func TestRelayWithoutAnAccountOfItsOwnIsWell(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.withoutRelayAccount()
	stop := f.serve()
	f.awaitWell()
	status, body, err := askHealth(t.Context(), listenAddress(f.env["ADMIN_LISTEN"]))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(body), "nobody has logged in yet")
	require.NoError(t, stop().err)
	require.Zero(t, f.wazo.Websockets())
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, hint := f.fails("healthcheck")
		require.Contains(t, hint, "the relay is running")
	})

	t.Run("it says why messages cannot be relayed, until they can be", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		stop := f.serve()
		f.awaitWell()
		lost := f.wazo.Faults().BusLost()
		await.Until(t, "the relay not to be well", func() bool {
			err := f.healthcheck()
			return err != nil && strings.Contains(err.Error(), `"wazo":false`) && strings.Contains(err.Error(), `"why":["the connection for Wazo's events is closed`)
		})
		lost.Off()
		f.awaitWell()
		require.NoError(t, stop().err)
	})

	t.Run("a relay that cannot relay is alive", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		stop := f.serve()
		f.awaitWell()
		ask := func(path string) (int, string) {
			t.Helper()
			status, body, err := get(t.Context(), "http://"+f.env["ADMIN_LISTEN"]+path)
			require.NoError(t, err)
			return status, string(body)
		}
		status, body := ask("/readyz")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, `{"ok":true,"relay":true,"matrix":true,"wazo":true,`)
		f.wazo.Faults().BusLost()
		await.Until(t, "the relay not to be ready", func() bool {
			status, body = ask("/readyz")
			return status == http.StatusServiceUnavailable && strings.Contains(body, `"ok":false,"relay":true,"matrix":true,"wazo":false`)
		})
		status, body = ask("/healthz")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, `{"alive":true}`+"\n", body)
		_, metrics := ask("/metrics")
		require.True(t, strings.Contains(metrics, "wazo_matrix_relay_api_request"), "its beginning is read, and that is long enough")
		require.NoError(t, stop().err)
	})

	t.Run("the relay is not well", func(t *testing.T) {
		sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "/readyz", r.URL.Path)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"ok":false}`)
		}))
		defer sick.Close()
		f := newFixture(t)
		f.env = map[string]string{"ADMIN_LISTEN": strings.TrimPrefix(sick.URL, "http://")} // all that it needs
		failure, _ := f.fails("healthcheck")
		require.Contains(t, failure, `{"ok":false}`)
	})

	t.Run("a relay that listens everywhere is asked at this machine", func(t *testing.T) {
		well := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer well.Close()
		_, port, _ := strings.Cut(strings.TrimPrefix(well.URL, "http://"), ":")
		for _, host := range []string{"", "0.0.0.0", "[::]"} {
			err := run(t.Context(), []string{"healthcheck"}, []string{"ADMIN_LISTEN=" + host + ":" + port}, io.Discard, io.Discard)
			require.NoError(t, err, host)
		}
	})

	t.Run("an address that is none", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.env["ADMIN_LISTEN"] = "8081"
		failure, _ := f.fails("healthcheck")
		require.Contains(t, failure, "ADMIN_LISTEN")
	})
}

func TestMistakesInTheConfigurationEndTheProgram(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	delete(f.env, "WAZO_URL")
	delete(f.env, "ADMINS")
	for _, args := range [][]string{nil, {"--check"}} {
		out := f.run(context.Background(), args...)
		require.Len(t, printedErrors(t, out.errors), 2)
		require.Empty(t, out.stderr, "nothing is begun")
	}
}

func TestPublicListener(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.env["LISTEN"] = freeAddress(t)
	get := func(path string) (int, string) {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + f.env["LISTEN"] + path)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}

	t.Run("is off without PUBLIC_URL", func(t *testing.T) {
		stop := f.serve()
		f.awaitWell()
		status, _ := get("/")
		require.Zero(t, status)
		require.NoError(t, stop().err)
	})

	t.Run("serves the page for logging in at its own host", func(t *testing.T) {
		f.env["PUBLIC_URL"] = "http://" + f.env["LISTEN"] + "/relay"
		stop := f.serve()
		f.awaitWell()
		status, body := get("/relay/login/unknown")
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, body, string(words.LoginPageInvalid))
		require.NoError(t, stop().err)
		f.env["PUBLIC_URL"] = "https://relay.a.example/relay"
		stop = f.serve()
		f.awaitWell()
		status, body = get("/relay/login/unknown")
		require.Equal(t, http.StatusMisdirectedRequest, status)
		require.Contains(t, body, string(words.LoginPageHost))
		require.NoError(t, stop().err)
	})

	t.Run("serves files and nothing else", func(t *testing.T) {
		f.env["PUBLIC_URL"] = "https://relay.a.example/relay"
		stop := f.serve()
		f.awaitWell()
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/relay/media/unknown/cat.jpg"} {
			status, body := get(path)
			require.Equal(t, http.StatusNotFound, status)
			require.Equal(t, string(words.FileGone)+"\n", body)
		}
		require.NoError(t, stop().err)
	})

	t.Run("is tried by --check", func(t *testing.T) {
		f.env["PUBLIC_URL"] = f.proxy()
		out := f.run(t.Context(), "--check")
		require.NoError(t, out.err)
		require.Contains(t, out.stdout, "ok: public listener ("+f.env["LISTEN"]+")")
	})

	t.Run("at an address that is taken is a failure with a hint", func(t *testing.T) {
		listener, err := net.Listen("tcp", f.env["LISTEN"])
		require.NoError(t, err)
		defer listener.Close()
		_, hint := f.fails()
		require.Contains(t, hint, "LISTEN")
		out := f.run(t.Context(), "--check")
		require.Error(t, out.err)
		require.Contains(t, out.stdout, "failed: public listener")
	})
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	exit := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, err lockedBuffer
		code = Main(t.Context(), args, environ(f.env), &out, &err)
		return code, out.String(), err.String()
	}

	code, _, stderr := exit("--version")
	require.Zero(t, code)
	require.Empty(t, stderr)

	f.env["WAZO_PASSWORD"] = "wrong"
	code, stdout, stderr := exit("--check")
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "hint: check WAZO_USERNAME and WAZO_PASSWORD")
	require.Empty(t, stderr, "a failure is printed once")

	f.env["WAZO_URL"] = ""
	code, stdout, stderr = exit()
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Len(t, printedErrors(t, stderr), 1)
}
