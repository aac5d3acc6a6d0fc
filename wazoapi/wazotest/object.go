package wazotest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object that keeps the order of its keys, as Python's
// dictionaries do on the wire.
type object []field

type field struct {
	key   string
	value any
}

var _ json.Marshaler = object(nil)

// MarshalJSON lets objects appear anywhere in a value.
func (o object) MarshalJSON() ([]byte, error) { return appendJSON(nil, o) }

// appendJSON appends the JSON of a value. It goes through objects by itself:
// encoding/json would check what MarshalJSON returns again at every level.
func appendJSON(out []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case object:
		return appendList(out, '{', '}', v, func(out []byte, f field) ([]byte, error) {
			out, err := appendJSON(out, f.key)
			if err != nil {
				return nil, err
			}
			return appendJSON(append(out, ':'), f.value)
		})
	case []object:
		return appendList(out, '[', ']', v, func(out []byte, o object) ([]byte, error) { return appendJSON(out, o) })
	case json.RawMessage:
		return append(out, v...), nil
	case nil:
		return append(out, "null"...), nil
	}
	leaf, err := encodeJSON(v)
	return append(out, leaf...), err
}

func appendList[T any](out []byte, first, last byte, list []T, item func([]byte, T) ([]byte, error)) ([]byte, error) {
	out = append(out, first)
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = item(out, v); err != nil {
			return nil, err
		}
	}
	return append(out, last), nil
}

// encodeJSON is json.Marshal without the escaping of <, > and &.
func encodeJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), nil
}

// mustJSON encodes values of this package's own types, for which encoding
// cannot fail.
func mustJSON(v any) []byte {
	out, err := appendJSON(nil, v)
	if err != nil {
		panic("wazotest: " + err.Error())
	}
	return out
}

// nullable returns nil, which is JSON's null, for an empty string.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// epoch is a point in time as error bodies show it: seconds, always with a
// fraction (docs/wazo.md, "Errors of chatd").
type epoch time.Time

func (e epoch) MarshalJSON() ([]byte, error) {
	seconds := float64(time.Time(e).UnixMicro()) / 1e6
	text := strconv.FormatFloat(seconds, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return []byte(text), nil
}

// isoformat is Python's datetime.isoformat of a naive UTC time: microseconds,
// and no fraction at all when they are zero (docs/wazo.md, "Messages").
func isoformat(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format("2006-01-02T15:04:05.000000")
}

// isoformatUTC is isoformat of an aware time in UTC.
func isoformatUTC(t time.Time) string { return isoformat(t) + "+00:00" }
