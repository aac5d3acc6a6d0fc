package convert

import (
	"strings"

	"golang.org/x/text/cases"
)

// Namesake is somebody on Wazo whose name others may have, too.
type Namesake struct {
	ID        string // the uuid of the Wazo user
	Name      string // in the directory
	Extension string // the number under which the person is called; may be empty
}

// TellApart returns the names under which people are shown, in their order. Names that
// several people have, whatever their case and blanks are, get the extension behind them,
// "Ann Smith (1004)", or the beginning of the uuid if a person has no extension of their
// own. A person who is there twice is one person. The names have at most [MaxProfileBytes].
func TellApart(people []Namesake) []string {
	groups := map[string][]Namesake{}
	fold := cases.Fold()
	keys := make([]string, len(people))
	for i, person := range people {
		keys[i] = fold.String(profileName(person.ID, person.Name))
		groups[keys[i]] = append(groups[keys[i]], person)
	}
	names := make([]string, len(people))
	for i, person := range people {
		names[i] = profileName(person.ID, person.Name)
		if suffix := person.suffix(groups[keys[i]]); suffix != "" {
			suffix = " (" + suffix + ")"
			names[i] = TruncateBytes(names[i], MaxProfileBytes-len(suffix)) + suffix
		}
	}
	return names
}

// suffix returns what tells a person apart from those of the same name, or "" if there are
// no others.
func (n Namesake) suffix(same []Namesake) string {
	extension, isOwn, others := CleanName(n.Extension, maxSuffix), true, 0
	for _, other := range same {
		if other.ID == n.ID {
			continue
		}
		others++
		isOwn = isOwn && CleanName(other.Extension, maxSuffix) != extension
	}
	switch {
	case others == 0:
		return ""
	case extension != "" && isOwn:
		return extension
	}
	return n.uniqueID(same)
}

// maxSuffix is the length of the longest extension or part of a uuid that is shown, in
// bytes.
const maxSuffix = 40

// uniqueID returns the beginning of the uuid that no other person of the same name has: at
// least four digits.
func (n Namesake) uniqueID(same []Namesake) string {
	const shortest = 4
	own := cleanID(n.ID)
	for length := shortest; length < len(own); length++ {
		prefix, isOwn := TruncateBytes(own, length), true
		for _, other := range same {
			isOwn = isOwn && (other.ID == n.ID || !strings.HasPrefix(cleanID(other.ID), prefix) && CleanName(other.Extension, maxSuffix) != prefix)
		}
		if isOwn {
			return prefix
		}
	}
	return own
}

// cleanID returns the digits of a uuid.
func cleanID(uuid string) string {
	digits := strings.Map(func(r rune) rune {
		if isWordASCII(r) {
			return r
		}
		return -1
	}, uuid)
	return TruncateBytes(strings.ToLower(digits), maxSuffix)
}
