package db

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.mau.fi/util/dbutil"
)

// moveBatch is how many rows are moved at once. PostgreSQL takes 65,535 values in one statement.
const moveBatch = 500

// movedColumn is a column of a table that is moved.
type movedColumn struct {
	name, kind string // the type according to PostgreSQL
	inKey      bool
}

// movedTable is a table that is moved.
type movedTable struct {
	name    string
	columns []movedColumn
	rows    int // so many were moved
}

const (
	// targetColumnsQuery returns the columns of a table with their types, and whether they are in its primary key.
	targetColumnsQuery = `
		SELECT attname, format_type(atttypid, NULL), EXISTS (SELECT 1 FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey))
		FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
	`
	sourceColumnsQuery = `SELECT name FROM pragma_table_info($1)`
)

// rowIDName is the column that SQLite does not list, and that PostgreSQL has where a query sorts by it.
const rowIDName = "rowid"

// describe returns a table, which must have the same columns on both sides.
func (m *mover) describe(ctx context.Context, name string) (*movedTable, error) {
	table := &movedTable{name: name}
	rows, err := m.target.Query(ctx, targetColumnsQuery, quoted(name))
	table.columns, err = dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) (c movedColumn, err error) {
		err = row.Scan(&c.name, &c.kind, &c.inKey)
		return c, err
	}, err).AsList()
	if err != nil {
		return nil, err
	}
	rows, err = m.source.Query(ctx, sourceColumnsQuery, name)
	there, err := dbutil.NewRowIterWithError(rows, dbutil.ScanSingleColumn[string], err).AsList()
	if err != nil {
		return nil, err
	}
	var moved []string
	for _, column := range table.columns {
		if column.name != rowIDName {
			moved = append(moved, column.name)
		}
	}
	slices.Sort(moved)
	slices.Sort(there)
	if !slices.Equal(moved, there) {
		return nil, fmt.Errorf("%w: the columns are %v and not %v", ErrDiffers, moved, there)
	}
	return table, nil
}

func quoted(name string) string { return `"` + name + `"` }

// names returns the columns for a statement.
func (t *movedTable) names() string {
	var names []string
	for _, column := range t.columns {
		names = append(names, quoted(column.name))
	}
	return strings.Join(names, ", ")
}

// order returns what rows are sorted by: the primary key, or else all columns. Both databases must sort by bytes.
func (t *movedTable) order(isTarget bool) string {
	var keys []string
	hasKey := slices.ContainsFunc(t.columns, func(c movedColumn) bool { return c.inKey })
	for _, column := range t.columns {
		if hasKey && !column.inKey || column.name == rowIDName {
			continue
		}
		key := quoted(column.name)
		if isTarget {
			switch column.kind {
			case "bigint", "integer", "smallint", "boolean", "bytea":
			default:
				key += `::text COLLATE "C"`
			}
			key += " NULLS FIRST"
		}
		keys = append(keys, key)
	}
	return strings.Join(keys, ", ")
}

// read returns the rows of a table, sorted by its key. The values are as the target has them.
func (t *movedTable) read(ctx context.Context, db *Database, order string) dbutil.RowIter[[]any] {
	rows, err := db.Query(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", t.names(), quoted(t.name), order))
	return dbutil.NewRowIterWithError(rows, func(row dbutil.Scannable) ([]any, error) {
		values, targets := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := row.Scan(targets...); err != nil {
			return nil, err
		}
		for i, column := range t.columns {
			values[i] = column.normal(values[i])
		}
		return values, nil
	}, err)
}

// copyTable moves the rows of a table.
func (m *mover) copyTable(ctx context.Context, t *movedTable) error {
	if _, err := m.target.Exec(ctx, "DELETE FROM "+quoted(t.name)); err != nil {
		return err // the versions of the schemas are there already
	}
	order := t.order(false)
	if t.name == "queue" {
		order = "merged_into IS NOT NULL, " + order // a row refers to the one into which it is merged
	}
	var batch []any
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := m.target.Exec(ctx, t.insertion(len(batch)/len(t.columns)), batch...)
		batch = batch[:0]
		m.progress(MoveStep{Table: t.name, Rows: t.rows})
		return err
	}
	err := t.read(ctx, m.source, order).Iter(func(values []any) (bool, error) {
		batch = append(batch, values...)
		t.rows++
		if t.rows%moveBatch == 0 {
			return true, flush()
		}
		return true, nil
	})
	return errors.Join(err, flush())
}

// insertion returns the statement that inserts so many rows.
func (t *movedTable) insertion(rows int) string {
	var statement strings.Builder
	fmt.Fprintf(&statement, "INSERT INTO %s (%s) VALUES ", quoted(t.name), t.names())
	for i := range rows * len(t.columns) {
		switch {
		case i == 0:
			statement.WriteString("(")
		case i%len(t.columns) == 0:
			statement.WriteString("), (")
		default:
			statement.WriteString(", ")
		}
		fmt.Fprintf(&statement, "$%d", i+1)
	}
	return statement.String() + ")"
}

// compareTable compares the rows of a table one by one.
func (m *mover) compareTable(ctx context.Context, t *movedTable) error {
	there := make(chan []any)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := make(chan error, 1)
	go func() {
		defer close(there)
		read <- t.read(ctx, m.source, t.order(false)).Iter(func(values []any) (bool, error) {
			select {
			case there <- values:
				return true, nil
			case <-ctx.Done():
				return false, ctx.Err()
			}
		})
	}()
	compared := 0
	err := t.read(ctx, m.target, t.order(true)).Iter(func(values []any) (bool, error) {
		expected, ok := <-there
		if !ok || !t.equal(values, expected) {
			return false, fmt.Errorf("%w: row %d", ErrDiffers, compared+1)
		}
		compared++
		if compared%moveBatch == 0 {
			m.progress(MoveStep{Table: t.name, Rows: compared, Compared: true})
		}
		return true, nil
	})
	if _, more := <-there; err == nil && more {
		err = fmt.Errorf("%w: it has only %d rows", ErrDiffers, compared)
	}
	cancel()
	for range there { // until the reader has seen that
	}
	if readErr := <-read; err == nil {
		err = readErr
	}
	if err == nil && compared != t.rows {
		err = fmt.Errorf("%w: %d rows were moved, and %d are there", ErrDiffers, t.rows, compared)
	}
	m.progress(MoveStep{Table: t.name, Rows: compared, Compared: true})
	return err
}

func (t *movedTable) equal(a, b []any) bool {
	for i, column := range t.columns {
		if !column.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// normal returns a value as the target has it: SQLite stores values of any type in any column.
func (c movedColumn) normal(value any) any {
	switch v := value.(type) {
	case []byte:
		if c.kind != "bytea" {
			return storable(string(v))
		}
	case string:
		if c.kind == "bytea" {
			return []byte(v)
		}
		if c.kind == "character" {
			v = strings.TrimRight(v, " ") // which PostgreSQL fills up
		}
		return storable(v)
	case int64:
		if c.kind == "boolean" {
			return v != 0
		}
	case time.Time:
		return v.UTC().Truncate(time.Microsecond)
	}
	return value
}

func (c movedColumn) equal(a, b any) bool {
	if c.kind == "jsonb" && a != nil && b != nil {
		var x, y any
		if json.Unmarshal([]byte(fmt.Sprint(a)), &x) != nil || json.Unmarshal([]byte(fmt.Sprint(b)), &y) != nil {
			return false
		}
		return reflect.DeepEqual(x, y)
	}
	switch x := a.(type) {
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return a == b
}
