package device

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/bot/bottest"
	"wazo-matrix-relay/internal/dbtest"
)

// published returns the generation in the account data.
func (f *fixture) published() int64 {
	f.Helper()
	f.hs.keys.Lock()
	data := f.hs.keys.AccountData[generationType]
	f.hs.keys.Unlock()
	var content generationContent
	require.NoError(f, json.Unmarshal(data, &content))
	return content.Generation
}

func TestGenerationIsRaised(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.prepared()
	require.EqualValues(t, 1, f.published(), "by the start")
	require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
	require.EqualValues(t, 1, f.published(), "no key was received")
	f.manager.NoteReceivedKeys()
	require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
	require.EqualValues(t, 2, f.published())
	require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
	require.EqualValues(t, 2, f.published(), "nothing was received since")
	f.sendToDevice()
	require.EqualValues(t, 3, f.published())
	f.device()
	require.EqualValues(t, 3, f.published(), "counting one-time keys shows no key")
	f.prepared()
	require.EqualValues(t, 4, f.published(), "by the next start")
}

// What is received while the generation is raised may not be in what that raise covers.
func TestKeysThatComeWhileTheGenerationIsRaised(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.prepared()
	f.hs.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, generationType) {
			f.hs.onRequest(nil)
			f.manager.NoteReceivedKeys()
		}
		return false
	})
	f.manager.NoteReceivedKeys()
	require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
	require.EqualValues(t, 2, f.published())
	require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
	require.EqualValues(t, 3, f.published())
}

// sendToDevice has the device send something to another one.
func (f *fixture) sendToDevice() {
	f.Helper()
	require.NoError(f, f.trySendToDevice())
}

func (f *fixture) trySendToDevice() error {
	_, err := f.manager.Client().SendToDevice(f.Context(), event.ToDeviceEncrypted, &mautrix.ReqSendToDevice{})
	return err
}

// What others see of the keys is seen only when the homeserver has the generation that covers it.
func TestNothingIsShownBeforeTheGenerationIsRaised(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.prepared()
	var seen []string
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, generationType):
			seen = append(seen, "generation")
			bottest.Refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		case strings.Contains(r.URL.Path, "/sendToDevice/"):
			seen = append(seen, "to-device")
			return false
		default:
			return false
		}
		return true
	})
	require.Error(t, f.trySendToDevice())
	require.Equal(t, []string{"generation"}, seen)
	f.manager.NoteReceivedKeys()
	require.Error(t, f.manager.SecureReceivedKeys(t.Context()))
	require.Error(t, f.manager.SecureReceivedKeys(t.Context()), "until it succeeds")
	f.hs.onRequest(nil)
	require.NoError(t, f.manager.SecureReceivedKeys(t.Context()))
}

// A copy that was made while the bot ran is recognised, however young it is, if others have seen a later state of its
// keys.
func TestCopyOfAnyAgeIsRecognised(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		since func(f *fixture) // what the bot did since the copy was made
		fresh bool
	}{
		{"a moment: nothing was done since", func(*fixture) {}, true},
		{"a moment: the device was only looked at", func(f *fixture) { f.device() }, true},
		{"ten seconds: a room key was sent", func(f *fixture) { f.sendToDevice() }, false},
		{"ten seconds: a room key was received", func(f *fixture) {
			f.manager.NoteReceivedKeys()
			require.NoError(f, f.manager.SecureReceivedKeys(f.Context()))
		}, false},
		{"ten seconds: somebody took one-time keys, and new ones were uploaded", func(f *fixture) {
			f.hs.keys.Lock()
			clear(f.hs.keys.OneTimeKeys)
			f.hs.keys.Unlock()
			require.NoError(f, f.manager.Crypto().Machine().ShareKeys(f.Context(), 0))
		}, false},
		{"minutes: it went on like that", func(f *fixture) {
			for range 10 {
				f.sendToDevice()
			}
		}, false},
		{"it was started once more", func(f *fixture) { f.prepared() }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			first := f.prepared().ID
			restore := f.copyDatabase()
			test.since(f)
			restore()
			f.open()
			require.NoError(t, f.manager.Login(t.Context()))
			_, err := f.manager.Inspect(t.Context())
			if test.fresh {
				require.NoError(t, err)
				require.Equal(t, first, f.prepared().ID)
				return
			}
			require.ErrorIs(t, err, ErrRestored)
			second := f.prepared()
			require.NotEqual(t, first, second.ID)
			require.Equal(t, Trusted, second.Trust)
			f.stop()
			require.Equal(t, second.ID, f.prepared().ID, "once is enough")
		})
	}
}

// The device that was used last goes too: its keys are lost, and others would go on to encrypt for it.
func TestNoDeviceIsLeftBehindByCopies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.prepared()
	restore := f.copyDatabase()
	f.sendToDevice()
	restore()
	second := f.prepared()
	require.NotEqual(t, first.ID, second.ID)
	restore()
	third := f.prepared()
	require.NotEqual(t, second.ID, third.ID)
	require.Equal(t, []string{third.ID.String()}, f.devices())
}

// A copy of a device is also recognised if another device was used last.
func TestCopyFromBeforeALaterDevice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.prepared()
	f.hs.keys.Lock()
	f.hs.keys.AccountData[generationType] = []byte(`{"device":"LATER","mark":1}`)
	f.hs.keys.Unlock()
	second := f.prepared()
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, []string{second.ID.String()}, f.devices())
	require.Equal(t, second.ID, f.prepared().ID, "once is enough")
}

// The device of an access token outlives a copy, and so does what the homeserver knows of it.
func TestNewerDatabaseIsBroughtBackAfterACopyWithAnAccessToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.token = "given"
	f.hs.account.Tokens["given"] = "GIVEN"
	f.prepared()
	restoreOlder := f.copyDatabase()
	for range 10 {
		f.sendToDevice()
	}
	last := f.published()
	restoreNewer := f.copyDatabase()
	restoreOlder()
	f.prepared()
	require.Greater(t, f.published(), last, "a generation only grows")
	restoreNewer()
	f.open()
	require.NoError(t, f.manager.Login(t.Context()))
	_, err := f.manager.Inspect(t.Context())
	require.ErrorIs(t, err, ErrRestored)
}

// copyDatabase copies the database of a bot that runs; restore ends the bot and brings the copy back.
func (f *fixture) copyDatabase() (restore func()) {
	f.Helper()
	location := f.dbPath
	if f.db.Dialect == dbutil.SQLite {
		location = filepath.Join(f.TempDir(), "copy.db")
		_, err := f.db.Exec(f.Context(), "VACUUM INTO $1", location)
		require.NoError(f, err)
	}
	data := dbtest.Copy(f, location)
	return func() {
		f.Helper()
		f.loseDatabase()
		dbtest.Restore(f, f.dbPath, data)
	}
}

// Accounts of earlier versions hold the generation in this form.
func TestFormOfTheGenerationInTheAccountData(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	status := f.prepared()
	require.JSONEq(t, `{"device":"`+status.ID.String()+`","mark":1}`, string(f.hs.keys.AccountData["io.wazo.relay.age"]))
}

// A generation that could not be published must not make the database look like an older copy.
func TestGenerationThatCannotBePublished(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.prepared()
	f.hs.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, generationType) {
			return false
		}
		bottest.Refuse(w, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	f.open()
	require.Error(t, f.manager.Prepare(t.Context()))
	require.EqualValues(t, 1, f.published())
	f.hs.onRequest(nil)
	require.Equal(t, first.ID, f.prepared().ID)
	require.EqualValues(t, 3, f.published())
}
