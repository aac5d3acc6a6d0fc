package wazoapi

import (
	"errors"
	"regexp"
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

// redact returns s without the secrets and without what looks like a token in a
// URL.
func (hide secrets) redact(s string) string {
	for _, secret := range hide {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, hidden)
		}
	}
	return tokenInURL.ReplaceAllString(s, "${1}"+hidden)
}

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
