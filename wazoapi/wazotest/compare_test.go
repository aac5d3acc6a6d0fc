package wazotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// member and members are a JSON object in the order of its keys.
type member struct {
	key   string
	value any
}

type members []member

func (m members) get(key string) any {
	for _, f := range m {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// parseOrdered decodes JSON into members, []any, string, json.Number, bool and
// nil.
func parseOrdered(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

func parseValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := members{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			value, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			object = append(object, member{key.(string), value})
		}
		_, err = dec.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			value, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

// comparer compares what was recorded with what the simulator says. It learns
// which recorded uuid, token and time is which of the simulator's.
type comparer struct {
	uuids  map[string]string // recorded -> ours
	back   map[string]string // ours -> recorded
	times  map[int64]time.Time
	tokens map[string]string // "<token:LABEL>" -> ours

	uuid, wholeUUID, stamp, address, label *regexp.Regexp
}

func newComparer() *comparer {
	const uuid = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
	return &comparer{
		uuids: map[string]string{}, back: map[string]string{}, times: map[int64]time.Time{}, tokens: map[string]string{},
		uuid:      regexp.MustCompile(uuid),
		wholeUUID: regexp.MustCompile(`^` + uuid + `$`),
		stamp:     regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{6})?(\+00:00)?$`),
		address:   regexp.MustCompile(`0x[0-9a-f]+`),
		label:     regexp.MustCompile(`<token:[^>]*>`),
	}
}

// trial returns a comparer that knows the same and that may be thrown away.
func (c *comparer) trial() *comparer {
	other := *c
	other.uuids, other.back, other.times = maps.Clone(c.uuids), maps.Clone(c.back), maps.Clone(c.times)
	return &other
}

func (c *comparer) bind(recorded, ours string) {
	c.uuids[recorded], c.back[ours] = ours, recorded
}

// ours rewrites a recorded text with the simulator's uuids and tokens. An
// upper-case uuid stays upper-case; one that was never seen in an answer stands
// for itself.
func (c *comparer) ours(recorded string) string {
	recorded = c.label.ReplaceAllStringFunc(recorded, func(label string) string {
		if token, ok := c.tokens[label]; ok {
			return token
		}
		return strings.TrimSuffix(strings.TrimPrefix(label, "<token:"), ">")
	})
	return c.uuid.ReplaceAllStringFunc(recorded, func(uuid string) string {
		lower := strings.ToLower(uuid)
		ours, ok := c.uuids[lower]
		switch {
		case !ok:
			return uuid
		case uuid != lower:
			return strings.ToUpper(ours)
		}
		return ours
	})
}

// asked binds the uuids of a recorded request that were in no answer before to
// themselves: they are sent, and named by the answer, as they are.
func (c *comparer) asked(recorded string) {
	for _, uuid := range c.uuid.FindAllString(recorded, -1) {
		if lower := strings.ToLower(uuid); c.uuids[lower] == "" {
			c.bind(lower, lower)
		}
	}
}

// time returns the simulator's time for a recorded one of an earlier answer, or
// for one within a microsecond of it.
func (c *comparer) time(recorded time.Time) time.Time {
	for _, delta := range []time.Duration{0, time.Microsecond, -time.Microsecond} {
		if ours, ok := c.times[recorded.Add(-delta).UnixMicro()]; ok {
			return ours.Add(delta)
		}
	}
	return recorded
}

// json compares two JSON texts and returns the differences.
func (c *comparer) json(want, got []byte) []string {
	w, err := parseOrdered(want)
	if err != nil {
		return []string{"recorded body: " + err.Error()}
	}
	g, err := parseOrdered(got)
	if err != nil {
		return []string{fmt.Sprintf("not JSON: %q", got)}
	}
	return c.value("", w, g)
}

func (c *comparer) value(path string, want, got any) []string {
	switch want := want.(type) {
	case members:
		if length, ok := want.get("$length").(json.Number); ok {
			return c.truncated(path, want.get("$truncated_string").(string), length, got)
		}
		if got, ok := got.(members); ok {
			return c.object(path, want, got)
		}
	case []any:
		if got, ok := got.([]any); ok {
			return c.list(path, want, got)
		}
	case string:
		if got, ok := got.(string); ok {
			return c.text(path, want, got)
		}
	case json.Number:
		if got, ok := got.(json.Number); ok {
			return c.number(path, want.String(), got.String())
		}
	default: // bool, nil
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: recorded %v, got %v", path, want, got)}
}

// unordered are objects that Python made of a set.
func unordered(path string) bool { return path == ".scopes" }

func (c *comparer) object(path string, want, got members) []string {
	if unordered(path) {
		byKey := func(a, b member) int { return strings.Compare(c.ours(a.key), c.ours(b.key)) }
		slices.SortFunc(want, byKey)
		slices.SortFunc(got, byKey)
	}
	keys := func(m members, name func(string) string) []string {
		list := make([]string, len(m))
		for i, f := range m {
			list[i] = name(f.key)
		}
		return list
	}
	wanted, have := keys(want, c.ours), keys(got, func(s string) string { return s })
	if !slices.Equal(wanted, have) {
		return []string{fmt.Sprintf("%s: recorded keys %v, got %v", path, wanted, have)}
	}
	var diffs []string
	for i := range want {
		diffs = append(diffs, c.value(path+"."+want[i].key, want[i].value, got[i].value)...)
	}
	return append(diffs, c.lifetime(path, want, got)...)
}

// lifetime compares how long a token lives.
func (c *comparer) lifetime(path string, want, got members) []string {
	life := func(m members) time.Duration {
		const layout = "2006-01-02T15:04:05.999999"
		from, _ := m.get("utc_issued_at").(string)
		to, _ := m.get("utc_expires_at").(string)
		issued, err1 := time.Parse(layout, from)
		expires, err2 := time.Parse(layout, to)
		if err1 != nil || err2 != nil {
			return 0
		}
		return expires.Sub(issued)
	}
	if life(want) != life(got) {
		return []string{fmt.Sprintf("%s: recorded a life of %s, got %s", path, life(want), life(got))}
	}
	return nil
}

// list compares lists. A recorded one may have been cut: its last element then
// says "... 30 items in all".
func (c *comparer) list(path string, want, got []any) []string {
	if n := len(want); n > 0 {
		if rest, ok := want[n-1].(string); ok && strings.HasPrefix(rest, "...") {
			want = want[:n-1]
			if total := strings.Fields(strings.TrimPrefix(rest, "...")); len(total) > 0 {
				if all, err := strconv.Atoi(total[0]); err != nil || all != len(got) {
					return []string{fmt.Sprintf("%s: recorded %q, got %d items", path, rest, len(got))}
				}
			}
			got = got[:min(len(got), len(want))]
		}
	}
	if len(want) != len(got) {
		return []string{fmt.Sprintf("%s: recorded %d items, got %d", path, len(want), len(got))}
	}
	var diffs []string
	for i := range want {
		diffs = append(diffs, c.value(fmt.Sprintf("%s[%d]", path, i), want[i], got[i])...)
	}
	return diffs
}

func (c *comparer) text(path, want, got string) []string {
	lower := strings.ToLower(want)
	switch {
	case strings.HasSuffix(path, ".original_error"): // free text of a Python exception
		if got != "" {
			return nil
		}
	case c.wholeUUID.MatchString(want) && c.uuids[lower] == "":
		if _, taken := c.back[got]; !taken && c.wholeUUID.MatchString(got) {
			c.bind(lower, got)
			return nil
		}
	case c.stamp.MatchString(want):
		return c.timestamp(path, want, got)
	case c.address.ReplaceAllString(c.ours(want), "0x") == c.address.ReplaceAllString(got, "0x"):
		return nil
	}
	return []string{fmt.Sprintf("%s: recorded %q, got %q", path, c.ours(want), got)}
}

// timestamp compares the form of two times. The fraction may be missing when it
// is zero, but only where the recording has one.
func (c *comparer) timestamp(path, want, got string) []string {
	w, g := c.stamp.FindStringSubmatch(want), c.stamp.FindStringSubmatch(got)
	if g == nil || w[3] != g[3] || w[2] == "" && g[2] != "" || w[2] == ".000000" && g[2] != ".000000" {
		return []string{fmt.Sprintf("%s: recorded a time like %q, got %q", path, want, got)}
	}
	if w[3] != "" {
		recorded, err1 := time.Parse(time.RFC3339Nano, want)
		ours, err2 := time.Parse(time.RFC3339Nano, got)
		if err1 != nil || err2 != nil {
			return []string{path + ": not a time: " + want + " or " + got}
		}
		c.times[recorded.UnixMicro()] = ours
	}
	return nil
}

func (c *comparer) number(path, want, got string) []string {
	isTime := strings.HasSuffix(path, ".timestamp") || strings.HasSuffix(path, ".timestamp[0]")
	if isTime && strings.Contains(want, ".") && strings.Contains(got, ".") || want == got {
		return nil
	}
	return []string{fmt.Sprintf("%s: recorded %s, got %s", path, want, got)}
}

func (c *comparer) truncated(path, start string, length json.Number, got any) []string {
	text, ok := got.(string)
	if ok && strconv.Itoa(len(text)) == length.String() && strings.HasPrefix(text, strings.TrimSuffix(start, "...")) {
		return nil
	}
	return []string{fmt.Sprintf("%s: recorded %s characters like %q, got %d", path, length, start, len(text))}
}

// alignItems sorts the items of two lists whose order chatd does not promise:
// by key, with uuids and names in the simulator's terms.
func (c *comparer) alignItems(want, got any, key func(item members, ours func(string) string) string) {
	sortItems := func(v any, ours func(string) string) {
		object, _ := v.(members)
		items, _ := object.get("items").([]any)
		slices.SortStableFunc(items, func(a, b any) int {
			x, _ := a.(members)
			y, _ := b.(members)
			return strings.Compare(key(x, ours), key(y, ours))
		})
	}
	sortItems(want, func(uuid string) string { return c.uuids[uuid] })
	sortItems(got, func(uuid string) string {
		if _, known := c.back[uuid]; known {
			return uuid
		}
		return ""
	})
}

// sortMembers sorts the members of a room, or of a list of rooms, by uuid: their
// order is of chance once the room was read from the database.
func sortMembers(v any) {
	object, _ := v.(members)
	for _, f := range object {
		list, _ := f.value.([]any)
		switch f.key {
		case "items":
			for _, room := range list {
				sortMembers(room)
			}
		case "users":
			slices.SortFunc(list, func(a, b any) int {
				x, _ := a.(members).get("uuid").(string)
				y, _ := b.(members).get("uuid").(string)
				return strings.Compare(x, y)
			})
		}
	}
}

// roomKey sorts rooms by their members, then by what is known of them.
func roomKey(room members, ours func(string) string) string {
	users, _ := room.get("users").([]any)
	var uuids []string
	for _, u := range users {
		uuid, _ := u.(members).get("uuid").(string)
		uuids = append(uuids, ours(uuid))
	}
	slices.Sort(uuids)
	uuid, _ := room.get("uuid").(string)
	return strings.Join(uuids, " ") + " " + ours(uuid)
}

func uuidKey(item members, ours func(string) string) string {
	uuid, _ := item.get("uuid").(string)
	return ours(uuid)
}
