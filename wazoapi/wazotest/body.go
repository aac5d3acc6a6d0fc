package wazotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errNotJSON is what a body that Flask cannot read as JSON makes of a request.
var errNotJSON = errors.New("body is not JSON")

// decodeBody reads a request body as the services do: JSON whatever the
// Content-Type, except for forms, whose body they see as empty
// (docs/wazo.md, "Request headers"). Numbers stay json.Number. A lone
// surrogate, which Go cannot hold in a string, becomes NUL: the database
// refuses both in the same way (docs/wazo.md, "Text that chatd refuses").
func decodeBody(contentType string, raw []byte) (any, error) {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") || !utf8.Valid(raw) {
		return nil, errNotJSON
	}
	dec := json.NewDecoder(bytes.NewReader(nulLoneSurrogates(raw)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errNotJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return v, nil
}

// nulLoneSurrogates replaces each \uD800…\uDFFF escape that has no partner by
// \u0000.
func nulLoneSurrogates(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`\u`)) {
		return raw
	}
	out := bytes.Clone(raw)
	for i := 0; i < len(out); i++ {
		if out[i] != '\\' {
			continue
		}
		code, ok := unicodeEscape(out[i:])
		switch {
		case !ok:
			i++ // skip the escaped character, which may be a backslash
		case isHighSurrogate(code) && followedByLow(out[i+6:]):
			i += 11
		case code >= 0xd800 && code <= 0xdfff:
			copy(out[i:], `\u0000`)
			i += 5
		default:
			i += 5
		}
	}
	return out
}

func unicodeEscape(b []byte) (uint64, bool) {
	if len(b) < 6 || b[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return code, err == nil
}

func isHighSurrogate(code uint64) bool { return code >= 0xd800 && code <= 0xdbff }

func followedByLow(b []byte) bool {
	if len(b) == 0 || b[0] != '\\' {
		return false
	}
	code, ok := unicodeEscape(b)
	return ok && code >= 0xdc00 && code <= 0xdfff
}

// truthy is Python's idea of it. Flask's handlers write "get_json() or {}".
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		f, err := v.Float64()
		return err != nil || f != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}
