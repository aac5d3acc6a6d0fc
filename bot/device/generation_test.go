package device

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/bottest"
)

// published returns the generation in the account data.
func (w *world) published() int64 {
	w.Helper()
	w.hs.keys.Lock()
	defer w.hs.keys.Unlock()
	var content generationContent
	require.NoError(w, json.Unmarshal(w.hs.keys.AccountData[generationType], &content))
	return content.Generation
}

func TestGenerationIsRaised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepared()
	require.EqualValues(t, 1, w.published(), "by the start")
	w.manager.RaiseGenerationIfDue(t.Context())
	require.EqualValues(t, 1, w.published(), "no key was used")
	w.manager.NoteKeyUse()
	w.manager.RaiseGenerationIfDue(t.Context())
	require.EqualValues(t, 2, w.published())
	w.manager.NoteKeyUse()
	w.manager.RaiseGenerationIfDue(t.Context())
	require.EqualValues(t, 2, w.published(), "the last time was a moment ago")
	w.prepared()
	require.EqualValues(t, 3, w.published(), "by the next start")
}

// Accounts of earlier versions hold the generation in this form.
func TestFormOfTheGenerationInTheAccountData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := w.prepared()
	require.JSONEq(t, `{"device":"`+status.ID.String()+`","mark":1}`, string(w.hs.keys.AccountData["io.wazo.relay.age"]))
}

// A generation that could not be published must not make the database look like an older copy.
func TestGenerationThatCannotBePublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.prepared()
	w.hs.onRequest(func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, generationType) {
			return false
		}
		bottest.Refuse(rw, http.StatusBadGateway, "M_UNKNOWN")
		return true
	})
	w.open()
	require.Error(t, w.manager.Prepare(t.Context()))
	require.EqualValues(t, 1, w.published())
	w.hs.onRequest(nil)
	require.Equal(t, first.ID, w.prepared().ID)
	require.EqualValues(t, 3, w.published())
}
