package wazoapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecretsAreHiddenInEverySpelling(t *testing.T) {
	t.Parallel()
	const password, refresh = `p"ä<\ß +/&`, "c1275286-5206-4e03-b78c-c108e42ced1a"
	r := request{
		method: http.MethodPost, service: serviceAuth, path: "/token",
		login: &Credentials{Username: "alice", Password: password}, refresh: refresh,
	}
	asJSON, err := json.Marshal(password)
	require.NoError(t, err)
	unescaped, err := encodeJSON(password)
	require.NoError(t, err)
	basic := base64.StdEncoding.EncodeToString([]byte("alice:" + password))
	for name, text := range map[string]string{
		"plain":                   password,
		"quoted by Go":            strconv.Quote(password),
		"JSON":                    string(asJSON),
		"JSON as it is sent":      string(unescaped),
		"a query":                 url.QueryEscape(password),
		"a path":                  url.PathEscape(password),
		"base64":                  base64.StdEncoding.EncodeToString([]byte(password)),
		"the header":              "Basic " + basic,
		"the refresh token":       refresh,
		"the header, quoted":      strconv.Quote("Authorization: Basic " + basic),
		"the refresh token, JSON": `{"refresh_token":"` + refresh + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := r.transportError(errors.New("before "+text+" after"), true)
			assert.Regexp(t, `(?s)before .*<hidden>.* after`, got.Error())
			for _, secret := range append(spellings(password), refresh, basic) {
				assert.NotContains(t, got.Error(), secret)
			}
			body, err := json.Marshal(map[string]any{"message": text, "details": map[string]any{"a": []string{text}}})
			require.NoError(t, err)
			answer := newError(r, 500, http.Header{}, body)
			assert.Contains(t, answer.Message, hidden)
			for _, secret := range append(spellings(password), refresh, basic) {
				assert.NotContains(t, answer.Message, secret)
				assert.NotContains(t, answer.Details["a"].([]any)[0], secret)
			}
		})
	}
}

func TestASecretInAnotherIsHiddenToo(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "<hidden> <hidden>", secrets{"abc", "abcdef"}.redact("abcdef abc"))
}
