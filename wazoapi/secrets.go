package wazoapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// hidden stands where a secret was.
const hidden = "<hidden>"

// tokenInURL finds tokens in quoted URLs of wazo-auth, which the errors of an
// unreachable wazo-auth contain (docs/wazo.md, "Secrets in error bodies").
var tokenInURL = regexp.MustCompile(`(?i)(tokens?(?:/|=|%2f))[^\s/?&"'<>)]+`)

// secretKeys are the keys of error details that hold a token, or a text of
// another server that may quote one.
var secretKeys = []string{"token", "password", "original_error"}

// secrets are the strings that must not get into an error.
type secrets []string

// redact returns s without the secrets, in whatever spelling, and without what
// looks like a token in a URL.
func (hide secrets) redact(s string) string {
	var all []string
	for _, secret := range hide {
		if secret != "" {
			all = append(all, spellings(secret)...)
		}
	}
	// The longest first: a secret may be a part of another.
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, text := range all {
		s = strings.ReplaceAll(s, text, hidden)
	}
	return tokenInURL.ReplaceAllString(s, "${1}"+hidden)
}

// spellings returns how a secret may look in a text that quotes a request: as it
// is, quoted by Go, and as a part of JSON, of a URL and of base64.
func spellings(secret string) []string {
	asJSON, _ := json.Marshal(secret) // a string can always be encoded
	texts := []string{secret, unquoted(strconv.Quote(secret)), unquoted(string(asJSON))}
	if plain, err := encodeJSON(secret); err == nil {
		texts = append(texts, unquoted(strings.TrimSpace(string(plain))))
	}
	return append(texts, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)))
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// redactMap returns m without secret keys and with all its texts redacted.
func (hide secrets) redactMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		if !isSecretKey(key) {
			out[hide.redact(key)] = hide.redactValue(value)
		}
	}
	return out
}

func (hide secrets) redactValue(value any) any {
	switch v := value.(type) {
	case string:
		return hide.redact(v)
	case map[string]any:
		return hide.redactMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = hide.redactValue(v[i])
		}
		return out
	default:
		return v
	}
}

// redactError returns err, or, if its text has a secret in it, an error with
// the redacted text and nothing to unwrap.
func (hide secrets) redactError(err error) error {
	text := err.Error()
	if redacted := hide.redact(text); redacted != text {
		return errors.New(redacted)
	}
	return err
}

func isSecretKey(key string) bool {
	key = strings.ToLower(key)
	for _, secret := range secretKeys {
		if strings.Contains(key, secret) {
			return true
		}
	}
	return false
}
