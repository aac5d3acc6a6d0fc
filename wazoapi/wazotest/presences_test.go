package wazotest

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPresencesShowTheTelephone(t *testing.T) {
	t.Parallel()
	f := start(t)
	token := f.token(`{}`)
	path := "/api/chatd/1.0/users/" + f.bob.UUID + "/presences"
	read := func() (p struct {
		LineState    string `json:"line_state"`
		DoNotDisturb bool   `json:"do_not_disturb"`
		Lines        []struct{ State string }
	}) {
		_, _, body := f.do(http.MethodGet, path, token, nil)
		require.NoError(t, json.Unmarshal(body, &p))
		return p
	}
	p := read()
	assert.Equal(t, "unavailable", p.LineState)
	assert.Empty(t, p.Lines)
	assert.False(t, p.DoNotDisturb)

	f.SetPhone(f.bob, "talking")
	f.SetDoNotDisturb(f.bob, true)
	p = read()
	assert.Equal(t, "talking", p.LineState)
	assert.Len(t, p.Lines, 1)
	assert.True(t, p.DoNotDisturb)
	f.SetPhone(f.bob, "")
	assert.Empty(t, read().Lines)

	fault := f.Faults().PresencesNotReady()
	status, _, body := f.do(http.MethodGet, path, token, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, string(body), "not-initialized")
	assert.Equal(t, http.StatusOK, f.get(roomsPath, token))
	fault.Off()
	assert.Equal(t, http.StatusOK, f.get(path, token))
}
