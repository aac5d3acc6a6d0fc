package wazotest

import (
	"slices"
	"strings"
)

// accessList is a compiled list of granted accesses
// (docs/wazo.md, "Access rights").
type accessList struct {
	allow, deny []accessPattern
}

// accessPattern is one granted entry: alternatives of it without the words
// "me" and "my_session".
type accessPattern []string

// compileACL prepares an ACL for the account authID and its session.
func compileACL(acl []string, authID, sessionUUID string) *accessList {
	list := &accessList{}
	for _, entry := range acl {
		denied, isDenial := strings.CutPrefix(entry, "!")
		pattern := compileAccess(denied, authID, sessionUUID)
		if isDenial {
			list.deny = append(list.deny, pattern)
		} else {
			list.allow = append(list.allow, pattern)
		}
	}
	return list
}

// compileAccess expands the reserved words of one entry: each matches itself
// or the uuid that it stands for. "edit" is an old name of "update".
func compileAccess(entry, authID, sessionUUID string) accessPattern {
	alternatives := []string{""}
	for i, word := range strings.Split(entry, ".") {
		words := []string{word}
		switch word {
		case "me":
			words = append(words, authID)
		case "my_session":
			words = append(words, sessionUUID)
		case "edit":
			words = append(words, "update")
		}
		var next []string
		for _, prefix := range alternatives {
			for _, w := range words {
				if i > 0 {
					w = "." + w
				}
				next = append(next, prefix+w)
			}
		}
		alternatives = next
	}
	return alternatives
}

// allows tells whether a required access is granted; a denial wins.
func (l *accessList) allows(access string) bool {
	matches := func(p accessPattern) bool {
		return slices.ContainsFunc(p, func(alternative string) bool { return matchAccess(alternative, access) })
	}
	return !slices.ContainsFunc(l.deny, matches) && slices.ContainsFunc(l.allow, matches)
}

// matchAccess matches one required access against one pattern: "*" is any
// characters but "." and "#", "#" is anything.
func matchAccess(pattern, access string) bool {
	for pattern != "" {
		switch pattern[0] {
		case '#':
			return matchRest(pattern[1:], access, func(byte) bool { return true })
		case '*':
			return matchRest(pattern[1:], access, func(c byte) bool { return c != '.' && c != '#' })
		}
		if access == "" || access[0] != pattern[0] {
			return false
		}
		pattern, access = pattern[1:], access[1:]
	}
	return access == ""
}

// matchRest tries the rest of a pattern behind ever more characters that its
// wildcard may stand for.
func matchRest(rest, access string, may func(byte) bool) bool {
	for i := 0; ; i++ {
		if matchAccess(rest, access[i:]) {
			return true
		}
		if i == len(access) || !may(access[i]) {
			return false
		}
	}
}
