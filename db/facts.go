package db

import (
	"slices"
	"sync"

	"go.mau.fi/util/dbutil"
)

// facts are what is read for each message and seldom changes: it is kept in memory. Whatever may change it is noticed
// where it is written (conn.go), also if it is another table whose rows these depend on. From then until the end of the
// group of transactions nothing in memory is used, and nothing is put there.
type facts struct {
	mu         sync.Mutex
	suspended  bool   // something is being written that facts depend on
	generation uint64 // changes when anything may have changed
	values     map[factKey]any
}

// factKey names a fact.
type factKey struct {
	table, by string
	id        int64
	name      string
}

// factTables are the tables of which there are facts.
var factTables = map[string]bool{"portal": true, "pause": true, "gap": true}

// maxFacts is how many are kept.
const maxFacts = 20000

func newFacts() *facts { return &facts{values: make(map[factKey]any)} }

// note notes that a statement of the group of transactions is about to be run.
func (f *facts) note(k kind) {
	isKnown := !k.many && !k.isOwn() && k.verb != "ALTER" && k.verb != "DROP" && k.verb != "WITH"
	if k.reads || isKnown && !factTables[k.table] {
		return
	}
	f.suspend()
}

// suspend has nothing in memory used until resume.
func (f *facts) suspend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.suspended {
		f.suspended = true
		f.generation++
		clear(f.values)
	}
}

// resume ends what note or suspend began.
func (f *facts) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.suspended {
		f.suspended = false
		f.generation++
	}
}

// get returns a fact. If it is not known, it returns the generation with which it can be put after it was read.
func (f *facts) get(key factKey) (value any, known bool, generation uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, known = f.values[key]
	return value, known, f.generation
}

// put keeps a fact that was read during a generation.
func (f *facts) put(key factKey, value any, generation uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.suspended || generation != f.generation {
		return
	}
	if len(f.values) >= maxFacts {
		clear(f.values)
	}
	f.values[key] = value
}

// remember returns a row that is kept in memory, or what read returns. The caller may change it. PostgreSQL has no
// facts: others may write to the same database.
func remember[T any](db *dbutil.Database, key factKey, read func() (*T, error)) (*T, error) {
	row, err := rememberValue(db, key, read)
	if err != nil || row == nil {
		return nil, err
	}
	changeable := *row
	return &changeable, nil
}

// rememberMany is remember for several rows, which the caller must not change.
func rememberMany[T any](db *dbutil.Database, key factKey, read func() ([]*T, error)) ([]*T, error) {
	rows, err := rememberValue(db, key, read)
	return slices.Clone(rows), err
}

func rememberValue[V any](db *dbutil.Database, key factKey, read func() (V, error)) (V, error) {
	p := poolOf(db.RawDB)
	if p == nil {
		return read()
	}
	known, ok, generation := p.facts.get(key)
	if ok {
		return known.(V), nil
	}
	value, err := read()
	if err == nil {
		p.facts.put(key, value, generation)
	}
	return value, err
}
