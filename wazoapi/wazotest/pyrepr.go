package wazotest

import (
	"fmt"
	"strings"
)

// pyRepr writes a value as Python's repr() does: wazo-auth puts its validation
// errors on the wire in this form (docs/wazo.md, "Errors of wazo-auth").
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return pyQuote(v)
	case object:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = pyQuote(f.key) + ": " + pyRepr(f.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []object:
		return pyList(v)
	case []string:
		return pyList(v)
	default:
		return fmt.Sprint(v)
	}
}

func pyList[T any](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = pyRepr(v)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func pyQuote(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	escaped := strings.ReplaceAll(s, `\`, `\\`)
	return quote + strings.ReplaceAll(escaped, quote, `\`+quote) + quote
}
