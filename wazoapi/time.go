package wazoapi

import (
	"fmt"
	"time"
)

// wazoTime reads Wazo's times: with or without fraction, with any offset, and
// without offset (UTC) as in tokens and before 22.07. It is always in UTC and
// whole microseconds, chatd's precision.
type wazoTime struct{ time.Time }

// UnmarshalText fails for anything that isn't such a time.
func (t *wazoTime) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700"} {
		if parsed, err := time.Parse(layout, string(text)); err == nil {
			t.Time = parsed.UTC().Truncate(time.Microsecond)
			return nil
		}
	}
	return fmt.Errorf("%.40q is not a time", text)
}

// UnmarshalJSON is needed because the embedded time.Time has one.
func (t *wazoTime) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '"' {
		return fmt.Errorf("%.40q is not a time", data)
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}

// formatTime writes a time as chatd's from_date takes it.
func formatTime(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000-07:00")
}
