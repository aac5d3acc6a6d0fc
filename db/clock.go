package db

import (
	"database/sql"
	"time"

	"go.mau.fi/util/jsontime"
)

// Times of two clocks must never be compared: those of this machine and those of chatd. The compiler keeps them apart.
type (
	// Time is a time of this machine's clock. The database holds it in milliseconds, and the zero time as 0.
	Time = jsontime.UnixMilli
	// WazoTime is a time of chatd's clock. The database holds it in microseconds, which is chatd's precision, and the
	// zero time as 0.
	WazoTime = jsontime.UnixMicro
)

// timeColumn and wazoTimeColumn scan a column into a time. Without them, a stored 0 would become the year 1970 instead
// of the zero time, because jsontime keeps the zero time when it writes a value, but not when it scans one.
func timeColumn(t *Time) sql.Scanner         { return zeroTimeScanner{t, &t.Time} }
func wazoTimeColumn(t *WazoTime) sql.Scanner { return zeroTimeScanner{t, &t.Time} }

type zeroTimeScanner struct {
	sql.Scanner
	time *time.Time
}

// Scan implements sql.Scanner.
func (s zeroTimeScanner) Scan(value any) error {
	if value == int64(0) {
		*s.time = time.Time{}
		return nil
	}
	return s.Scanner.Scan(value)
}
