package wazotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
)

// webhookd's templates are Jinja2's. Only what the recordings use is simulated: names,
// keys in brackets, and the filter tojson.
var (
	hookExpression = regexp.MustCompile(`\{\{\s*(.*?)\s*\}\}`)
	hookName       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	hookKey        = regexp.MustCompile(`^\[(?:'([^']*)'|"([^"]*)")\]`)
)

// renderHook fills in a template. The error is that of Jinja2, in its words.
func renderHook(template string, names map[string]any) (string, error) {
	var failed error
	rendered := hookExpression.ReplaceAllStringFunc(template, func(match string) string {
		value, err := evaluateHook(hookExpression.FindStringSubmatch(match)[1], names)
		if err != nil && failed == nil {
			failed = err
		}
		return value
	})
	return rendered, failed
}

func evaluateHook(expression string, names map[string]any) (string, error) {
	rest, asJSON := strings.CutSuffix(expression, "|tojson")
	name := hookName.FindString(rest)
	value, ok := names[name]
	if !ok {
		return "", fmt.Errorf("'%s' is undefined", name)
	}
	for rest = rest[len(name):]; rest != ""; {
		key := hookKey.FindStringSubmatch(rest)
		fields, isObject := value.(map[string]any)
		if key == nil || !isObject {
			return "", fmt.Errorf("'%s' is undefined", rest)
		}
		value, rest = fields[key[1]+key[2]], rest[len(key[0]):]
	}
	switch v := value.(type) {
	case string:
		if !asJSON {
			return v, nil
		}
	case nil:
		if !asJSON {
			return "None", nil
		}
	}
	encoded, err := json.Marshal(value) // sorts the keys, and escapes <, > and &, as tojson does
	return strings.ReplaceAll(pythonJSON(encoded), "'", `\u0027`), err
}

// pythonJSON writes compact JSON as Python's json.dumps does: with a space behind
// commas and colons, and in ASCII.
func pythonJSON(compact []byte) string {
	var out strings.Builder
	inString, escaped := false, false
	for _, r := range string(bytes.TrimSpace(compact)) {
		switch {
		case escaped:
			escaped = false
		case inString && r == '\\':
			escaped = true
		case r == '"':
			inString = !inString
		}
		switch {
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		case r > 0x7e:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
		if !inString && (r == ',' || r == ':') {
			out.WriteByte(' ')
		}
	}
	return out.String()
}
