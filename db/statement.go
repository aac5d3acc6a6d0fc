package db

import (
	"strings"
	"sync"
)

// kind is what a statement does.
type kind struct {
	verb  string // in capital letters
	table string // that it writes; empty: none, or not known
	reads bool   // it only reads
	many  bool   // it is more than one statement
}

// isOwn reports whether a statement concerns a connection, or cannot be a part of a transaction.
func (k kind) isOwn() bool {
	switch k.verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "CREATE", "ALTER", "DROP", "EXPLAIN":
		return false
	}
	return true
}

// kinds are the kinds of the statements of the program, which are not many.
var kinds sync.Map

func kindOf(query string) kind {
	if known, ok := kinds.Load(query); ok {
		return known.(kind)
	}
	k := parseKind(query)
	if len(query) < 4096 { // not the texts of upgrades
		kinds.Store(query, k)
	}
	return k
}

// words of a statement that stand between its verb and its table.
var betweenVerbAndTable = map[string]bool{"INTO": true, "FROM": true, "OR": true, "REPLACE": true, "IGNORE": true, "ABORT": true, "TABLE": true}

func parseKind(query string) kind {
	words := strings.FieldsFunc(query, func(r rune) bool { return strings.ContainsRune(" \t\n\r(;", r) })
	if len(words) == 0 {
		return kind{}
	}
	k := kind{verb: strings.ToUpper(words[0])}
	first, others, _ := strings.Cut(query, ";")
	k.many = first != "" && strings.TrimSpace(others) != ""
	k.reads = !k.many && (k.verb == "SELECT" || k.verb == "EXPLAIN")
	if k.reads || k.isOwn() {
		return k
	}
	for _, word := range words[1:] {
		if !betweenVerbAndTable[strings.ToUpper(word)] {
			k.table = strings.ToLower(strings.Trim(word, `"`))
			break
		}
	}
	return k
}
