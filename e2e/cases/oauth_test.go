package cases

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/oauth"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withoutPasswords is a fixture whose homeserver leaves the log-in to an OAuth 2.0 provider. Its relay was logged in by
// the command login, and knows no password.
type withoutPasswords struct {
	*fixture
	provider *oauth.Server
}

func openWithoutPasswords(t *testing.T, cfg oauth.Config) *withoutPasswords {
	t.Helper()
	w := &withoutPasswords{}
	w.fixture = open(t, withMautrix(), stage.Config{BeforeStart: func(ctx context.Context, s *stage.Stage) error {
		w.provider = provide(t, s, cfg)
		outcome := logIn(ctx, t, s.Relay, true)
		require.Zero(t, outcome.Code, outcome.Output)
		require.Contains(t, outcome.Output, s.Bot.User+" is logged in, on the device ")
		require.Contains(t, outcome.Output, "█", "the QR code")
		return nil
	}})
	return w
}

// provide puts a provider in front of the homeserver, and lets the relay know nothing else.
func provide(t *testing.T, s *stage.Stage, cfg oauth.Config) *oauth.Server {
	t.Helper()
	cfg.Homeserver, cfg.Account = s.Homeserver, s.Bot
	provider, err := oauth.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(provider.Close)
	s.Relay.Setenv("MATRIX_HOMESERVER_URL", provider.URL())
	s.Relay.Setenv("MATRIX_PASSWORD", "")
	return provider
}

// userCode is what somebody enters in the browser. Nothing else that the program prints stands alone in a line of this
// form.
var userCode = regexp.MustCompile(`^ {4}([A-Z]{4}-[A-Z]{4})$`)

// logIn runs the command login, and decides in a browser as it asks.
func logIn(ctx context.Context, t *testing.T, relay *harness.Relay, approve bool) harness.Outcome {
	t.Helper()
	address := ""
	outcome, err := relay.Watch(ctx, func(line string) {
		text := strings.TrimSpace(line)
		if address == "" && strings.HasPrefix(text, "http") {
			address = text
		} else if code := userCode.FindStringSubmatch(line); code != nil {
			if err := oauth.Decide(ctx, address, code[1], approve); err != nil {
				t.Errorf("the browser: %v", err)
			}
		}
	}, "login")
	require.NoError(t, err)
	return outcome
}

// awaitEnd waits until the relay has stopped by itself, and requires that its last words say why.
func (w *withoutPasswords) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-w.Relay.Exited():
	case <-w.ctx.Done():
		require.Fail(t, "the relay goes on")
	}
	log, err := os.ReadFile(w.Relay.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "The Matrix log-in has ended")
	require.Contains(t, string(log), "error: the homeserver does not know the bot's access token any more")
	require.Contains(t, string(log), "hint: run wazo-matrix-relay login again and restart the relay")
	again, err := w.Relay.Run(w.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, again.Code)
	require.Contains(t, again.Output, "the Matrix log-in has ended")
}

// logInAgain logs the relay in again and starts it.
func (w *withoutPasswords) logInAgain(t *testing.T) {
	t.Helper()
	outcome := logIn(w.ctx, t, w.Relay, true)
	require.Zero(t, outcome.Code, outcome.Output)
	require.NoError(t, w.Relay.Start(w.ctx))
}

func TestRelayWithoutPasswords(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			w := openWithoutPasswords(t, oauth.Config{Life: 4 * time.Second})
			p := w.link(t, harness.RoomOptions{Encrypted: kind.encrypted})
			for begun := w.provider.Renewals(); w.provider.Renewals() < begun+3; {
				p.requireTalk(t)
			}
			if kind.encrypted { // otherwise Robin does not look
				w.requireSigned(t, w.waitDevice(t, ""))
			}
			require.NoError(t, w.Relay.Stop())
			checked, err := w.Relay.Run(w.ctx, "--check")
			require.NoError(t, err)
			require.Zero(t, checked.Code, checked.Output)
			require.NoError(t, w.Relay.Start(w.ctx))
			p.requireTalk(t)
			beside, err := w.Relay.Run(w.ctx, "--check")
			require.NoError(t, err)
			require.Zero(t, beside.Code, beside.Output)
			require.Contains(t, beside.Output, "skipped: homeserver, log-in and encryption")
			w.requireSecretTokens(t)
		})
	}
}

// requireSecretTokens requires that no refresh token is readable in the log or in the database.
func (w *withoutPasswords) requireSecretTokens(t *testing.T) {
	t.Helper()
	require.NoError(t, w.Relay.Stop())
	for _, file := range append(w.databaseFiles(t), w.Relay.LogFile()) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(content), "-of-the-test", file)
	}
}

func TestRenewalWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	t.Run("is made again, if the provider allows that", func(t *testing.T) {
		t.Parallel()
		w := openWithoutPasswords(t, oauth.Config{Life: time.Hour})
		p := w.link(t, harness.RoomOptions{Encrypted: true})
		lost := w.provider.LoseRenewal()
		w.provider.Jump(2 * time.Hour)
		p.post("while the answer is lost")
		require.NoError(t, lost(w.ctx))
		p.waitOnMatrix(t, "while the answer is lost")
		p.requireTalk(t)
	})
	t.Run("and before the new pair is stored, the relay is killed", func(t *testing.T) {
		t.Parallel()
		w := openWithoutPasswords(t, oauth.Config{Life: time.Hour})
		p := w.link(t, harness.RoomOptions{Encrypted: true})
		lost := w.provider.LoseRenewal()
		w.provider.Jump(2 * time.Hour)
		p.post("before the end")
		require.NoError(t, lost(w.ctx))
		w.Relay.Kill()
		require.NoError(t, w.Relay.Start(w.ctx))
		p.waitOnMatrix(t, "before the end")
		p.requireTalk(t)
	})
	t.Run("ends the log-in, if the provider wants it that way", func(t *testing.T) {
		t.Parallel()
		w := openWithoutPasswords(t, oauth.Config{Life: time.Hour, Replay: oauth.Strict})
		p := w.link(t, harness.RoomOptions{Encrypted: true})
		lost := w.provider.LoseRenewal()
		w.provider.Jump(2 * time.Hour)
		p.post("after the end")
		require.NoError(t, lost(w.ctx))
		w.awaitEnd(t)
		w.logInAgain(t)
		p.waitOnMatrix(t, "after the end")
		p.requireTalk(t)
	})
}

// By the clock of the relay, its access token lives for an hour yet. By that of the provider it has expired.
func TestProviderWithAnotherClock(t *testing.T) {
	t.Parallel()
	w := openWithoutPasswords(t, oauth.Config{Life: time.Hour})
	p := w.link(t, harness.RoomOptions{Encrypted: true})
	for range 3 {
		before := w.provider.Renewals()
		w.provider.Jump(2 * time.Hour)
		p.requireTalk(t)
		require.Equal(t, before+1, w.provider.Renewals(), "once for all requests")
	}
	require.Contains(t, w.ask(t, w.Robin, p.Matrix, "!wazo status"),
		"by a browser (`wazo-matrix-relay login`); I renew the access token by myself, and the present one is valid for 59 min")
}

func TestProviderThatIsAway(t *testing.T) {
	t.Parallel()
	w := openWithoutPasswords(t, oauth.Config{Life: time.Hour})
	p := w.link(t, harness.RoomOptions{})
	back := w.provider.GoAway(1)
	w.provider.Jump(2 * time.Hour)
	p.post("while the provider is away")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		health, err := w.Relay.Run(w.ctx, "healthcheck")
		require.NoError(c, err)
		require.Equal(c, 1, health.Code)
		require.Contains(c, health.Output, "has expired, and the homeserver does not renew it at the moment")
	}, patience, pollEvery)
	require.NoError(t, back(w.ctx))
	p.waitOnMatrix(t, "while the provider is away")
	p.requireTalk(t)
}

func TestLogInThatIsRevoked(t *testing.T) {
	t.Parallel()
	w := openWithoutPasswords(t, oauth.Config{Life: time.Hour})
	p := w.link(t, harness.RoomOptions{Encrypted: true})
	p.requireTalk(t)
	before := w.waitDevice(t, "")
	require.NoError(t, w.provider.EndLogIns(w.ctx))
	w.provider.Jump(2 * time.Hour)
	p.post("after the log-in")
	w.awaitEnd(t)
	w.logInAgain(t)
	p.waitOnMatrix(t, "after the log-in")
	after := w.waitDevice(t, before.DeviceID)
	w.requireSigned(t, after)
	p.requireTalk(t)
}

func TestLogInThatIsNotApproved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		cfg     oauth.Config
		ignored bool // nobody looks at the browser
		want    string
	}{
		{name: "refused", want: "error: the log-in was refused in the browser"},
		{name: "too late", cfg: oauth.Config{CodeLife: 2 * time.Second}, ignored: true, want: "error: nobody approved the log-in in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			open(t, client{}, stage.Config{BeforeStart: func(ctx context.Context, s *stage.Stage) error {
				direct, password := s.Relay.Getenv("MATRIX_HOMESERVER_URL"), s.Relay.Getenv("MATRIX_PASSWORD")
				without, err := s.Relay.Run(ctx, "login")
				require.NoError(t, err)
				require.Equal(t, 1, without.Code)
				require.Contains(t, without.Output, "error: the homeserver has no OAuth 2.0 provider")
				provide(t, s, test.cfg)
				var outcome harness.Outcome
				if test.ignored {
					outcome, err = s.Relay.Run(ctx, "login")
					require.NoError(t, err)
				} else {
					outcome = logIn(ctx, t, s.Relay, false)
				}
				require.Equal(t, 1, outcome.Code, outcome.Output)
				require.Contains(t, outcome.Output, test.want)
				refused, err := s.Relay.Run(ctx)
				require.NoError(t, err)
				require.Equal(t, 1, refused.Code)
				require.Contains(t, refused.Output, "error: the relay is not logged in to Matrix")
				s.Relay.Setenv("MATRIX_HOMESERVER_URL", direct)
				s.Relay.Setenv("MATRIX_PASSWORD", password)
				return nil
			}})
		})
	}
}
