package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// pgRows are rows that are being read.
type pgRows struct {
	driver.Rows
	cancel   context.CancelFunc
	ofServer func(error) error
}

// Next implements driver.Rows.
func (r *pgRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == io.EOF { //nolint:errorlint // the end of a connection may wrap it
		return err
	}
	return r.ofServer(err)
}

// Close implements driver.Rows.
func (r *pgRows) Close() error {
	defer r.cancel()
	return r.ofServer(r.Rows.Close())
}

// keptRows are rows that were read.
type keptRows struct {
	columns []string
	rows    [][]driver.Value
}

// keepRows reads all rows and closes them.
func keepRows(rows driver.Rows) (kept *keptRows, err error) {
	kept = &keptRows{columns: rows.Columns()}
	for {
		row := make([]driver.Value, len(kept.columns))
		if err = rows.Next(row); err != nil {
			break
		}
		kept.rows = append(kept.rows, row)
	}
	if err == io.EOF { //nolint:errorlint // as above
		err = nil
	}
	return kept, errors.Join(err, rows.Close())
}

// Columns implements driver.Rows.
func (k *keptRows) Columns() []string { return k.columns }

// Close implements driver.Rows.
func (k *keptRows) Close() error { return nil }

// Next implements driver.Rows.
func (k *keptRows) Next(dest []driver.Value) error {
	if len(k.rows) == 0 {
		return io.EOF
	}
	copy(dest, k.rows[0])
	k.rows = k.rows[1:]
	return nil
}
