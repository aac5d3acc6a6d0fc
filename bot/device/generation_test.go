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
	f.manager.RaiseGenerationIfDue(t.Context())
	require.EqualValues(t, 1, f.published(), "no key was used")
	f.manager.NoteKeyUse()
	f.manager.RaiseGenerationIfDue(t.Context())
	require.EqualValues(t, 2, f.published())
	f.manager.NoteKeyUse()
	f.manager.RaiseGenerationIfDue(t.Context())
	require.EqualValues(t, 2, f.published(), "the last time was a moment ago")
	f.prepared()
	require.EqualValues(t, 3, f.published(), "by the next start")
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
