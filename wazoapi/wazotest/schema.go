package wazotest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The errors of the services' validation library, as they are put into
// "details" (docs/wazo.md, "Errors of chatd"): a wrong type is an object, a
// refused value is a list.

func typeError(message, constraint string) object {
	return object{{"message", message}, {"constraint_id", "type"}, {"constraint", constraint}}
}

func missingError() object {
	return object{{"message", "Missing data for required field."}, {"constraint_id", "required"}, {"constraint", "required"}}
}

func nullError() object {
	return object{{"message", "Field may not be null."}, {"constraint_id", "not_null"}, {"constraint", "not_null"}}
}

func valueError(id string, constraint object, message string) []object {
	return []object{{{"constraint_id", id}, {"constraint", constraint}, {"message", message}}}
}

func enumError(choices []string) []object {
	return valueError("enum", object{{"choices", choices}}, "Must be one of: "+strings.Join(choices, ", ")+".")
}

func tooLongError(limit int) []object {
	return valueError("length", object{{"min", nil}, {"max", limit}}, fmt.Sprintf("Longer than maximum length %d.", limit))
}

// schema collects the errors of one body or query string.
type schema struct{ errors object }

func (s *schema) fail(name string, err any) {
	s.errors = append(s.errors, field{name, err})
}

// loadObject returns v as an object, the way that marshmallow loads
// "get_json() or {}".
func (s *schema) loadObject(v any) map[string]any {
	if !truthy(v) {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		s.fail("_schema", []string{"Invalid input type."})
	}
	return m
}

// stringRule says what a string field may be.
type stringRule struct {
	required bool
	nullable bool
	min, max int // code points; 0 is no limit
	choices  []string
}

// str reads a string field; nil for null or absent.
func (s *schema) str(m map[string]any, name string, rule stringRule) *string {
	v, ok := m[name]
	switch {
	case !ok && rule.required:
		s.fail(name, missingError())
		return nil
	case !ok:
		return nil
	case v == nil:
		if !rule.nullable {
			s.fail(name, nullError())
		}
		return nil
	}
	text, ok := v.(string)
	if !ok {
		s.fail(name, typeError("Not a valid string.", "string"))
		return nil
	}
	s.checkString(name, text, rule)
	return &text
}

func (s *schema) checkString(name, text string, rule stringRule) {
	length := utf8.RuneCountInString(text)
	switch {
	case rule.min > 0 && (length < rule.min || length > rule.max):
		s.fail(name, valueError("length", object{{"min", rule.min}, {"max", rule.max}},
			fmt.Sprintf("Length must be between %d and %d.", rule.min, rule.max)))
	case rule.max > 0 && length > rule.max:
		s.fail(name, tooLongError(rule.max))
	case rule.choices != nil && !slices.Contains(rule.choices, text):
		s.fail(name, enumError(rule.choices))
	}
}

// uuid reads a nullable UUID field in its canonical form; "" for null or
// absent.
func (s *schema) uuid(m map[string]any, name string) string {
	v, ok := m[name]
	if !ok || v == nil {
		return ""
	}
	text, _ := v.(string)
	uuid, ok := parseUUID(text)
	if !ok {
		s.fail(name, typeError("Not a valid UUID.", "uuid"))
	}
	return uuid
}

// integer reads an integer field like marshmallow's Integer, which takes
// numeric strings but no booleans. The second result is false when the field
// is absent or wrong.
func (s *schema) integer(m map[string]any, name string) (int64, bool) {
	v, ok := m[name]
	if !ok {
		return 0, false
	}
	if v == nil {
		s.fail(name, nullError())
		return 0, false
	}
	n, ok := pythonInt(v)
	if !ok {
		s.fail(name, typeError("Not a valid integer.", "integer"))
	}
	return n, ok
}

func pythonInt(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, true
		}
		f, err := v.Float64()
		return int64(f), err == nil
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// count reads a query parameter that is an integer of at least zero; otherwise
// is returned when it is absent.
func (s *schema) count(values map[string]any, name string, otherwise int) int {
	n, ok := s.integer(values, name)
	if !ok {
		return otherwise
	}
	if n < 0 {
		s.fail(name, valueError("range", object{{"min", 0}}, "Must be greater than or equal to 0."))
	}
	return int(n)
}

// choice reads a query parameter that must be one of choices; otherwise is
// returned when it is absent.
func (s *schema) choice(values map[string]any, name, otherwise string, choices ...string) string {
	text := s.str(values, name, stringRule{choices: choices})
	if text == nil {
		return otherwise
	}
	return *text
}

// datetime reads an ISO 8601 date with time; a naive one is UTC, as in the
// recorded database session (docs/wazo.md, "Read history").
func (s *schema) datetime(values map[string]any, name string) time.Time {
	text, ok := values[name].(string)
	if !ok {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	s.fail(name, typeError("Not a valid datetime", "datetime"))
	return time.Time{}
}
