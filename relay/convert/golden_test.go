package convert

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

var update = flag.Bool("update", false, "write what is converted into testdata/golden")

// A golden file holds the cases of one row. Lines before the first case say where its inputs
// come from. A case is
//
//	== name
//	input
//	-- section
//	output
//
// with as many sections as there are ways to show the input. Update writes the outputs.
type goldenFile struct {
	path, head string
	cases      []goldenCase
}

type goldenCase struct {
	name, input, expected string
}

const (
	caseMark    = "== "
	sectionMark = "-- "
)

func readGolden(t *testing.T, direction string) (files []goldenFile) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", direction, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file := goldenFile{path: path}
		head, rest, _ := strings.Cut(string(data), "\n"+caseMark)
		file.head = head
		if !strings.Contains(head, "Source") {
			t.Errorf("%s does not say where its inputs come from", path)
		}
		for text := range strings.SplitSeq(rest, "\n"+caseMark) {
			name, body, _ := strings.Cut(text, "\n")
			input, expected, _ := strings.Cut(body, "\n"+sectionMark)
			file.cases = append(file.cases, goldenCase{name, strings.TrimSuffix(input, "\n"), strings.TrimSuffix(expected, "\n")})
		}
		files = append(files, file)
	}
	return files
}

func (f goldenFile) write(t *testing.T) {
	t.Helper()
	var out strings.Builder
	out.WriteString(strings.TrimRight(f.head, "\n") + "\n")
	for _, c := range f.cases {
		out.WriteString("\n" + caseMark + c.name + "\n" + c.input + "\n" + sectionMark + c.expected + "\n")
	}
	if err := os.WriteFile(f.path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// section is one way in which an input is shown.
type section struct{ name, text string }

func writeSections(sections []section) string {
	var out strings.Builder
	for i, s := range sections {
		if i > 0 {
			out.WriteString("\n" + sectionMark)
		}
		out.WriteString(s.name + "\n" + s.text)
	}
	return out.String()
}

func testGolden(t *testing.T, direction string, show func(t *testing.T, input string) []section) {
	if *update && os.Getenv("CI") != "" {
		t.Fatal("golden files are not written in CI")
	}
	for _, file := range readGolden(t, direction) {
		row := strings.TrimSuffix(filepath.Base(file.path), ".txt")
		t.Run(row, func(t *testing.T) {
			for i, c := range file.cases {
				t.Run(c.name, func(t *testing.T) {
					got := writeSections(show(t, c.input))
					if *update {
						file.cases[i].expected = got
					} else if got != c.expected {
						t.Errorf("got\n%s\nwant\n%s", got, c.expected)
					}
				})
			}
		})
		if *update {
			file.write(t)
		}
	}
}

// goldenEvent is an event of Matrix with what is known beside it.
type goldenEvent struct {
	event     event.Event
	About     *event.Event    `json:"about"`  // what it belongs to, or replies to
	Before    json.RawMessage `json:"before"` // the content before an edit
	RepliesTo *Quote          `json:"replies_to"`
	InThread  bool            `json:"begins_thread"`
	Reactions []Reaction      `json:"reactions"` // what is merged with a reaction
	Removed   bool            `json:"removed"`   // whether they are removed
	FileURL   string          `json:"file_url"`
	Now       time.Time       `json:"now"`
}

var (
	goldenNames = map[id.UserID]string{"@ann:a.example": "Ann", "@bea:a.example": "Bea *B*", "@cem:b.example": "Cem"}
	goldenRooms = map[string]string{"!team:a.example": "The Team", "#team:a.example": "The Team"}
)

func (e goldenEvent) options(plain bool) WazoOptions {
	return WazoOptions{
		SenderName: goldenNames[e.event.Sender], Sticker: e.event.Type.Type == "m.sticker", FileURL: e.FileURL, Plain: plain, RepliesTo: e.RepliesTo,
		Names: func(user id.UserID) string { return goldenNames[user] },
		Rooms: func(room string) string { return goldenRooms[room] },
	}
}

// show returns what becomes of an event.
func (e goldenEvent) show(t *testing.T, plain bool) string {
	t.Helper()
	opts := e.options(plain)
	d := Describe(&e.event, nil)
	if d.About != "" {
		d = Describe(&e.event, e.About)
	}
	switch d.Kind {
	case KindSilent:
		return "(nothing)"
	case KindLocked:
		return "(not known yet)"
	case KindReacted:
		return e.showReaction(opts)
	case KindRedacted:
		author := goldenNames[e.About.Sender]
		if e.About.Sender == e.event.Sender {
			author = ""
		}
		return Removal(time.UnixMilli(e.About.Timestamp).UTC(), e.Now, author, opts)
	}
	if target, thread := RepliedTo(d.Content); target != "" && e.About != nil {
		opts.RepliesTo = &Quote{Author: goldenNames[e.About.Sender], Text: Preview(Describe(e.About, nil).Content, e.options(plain)), Thread: thread != "" && e.InThread}
	}
	if e.Before != nil {
		opts.Before = &event.MessageEventContent{}
		if err := json.Unmarshal(e.Before, opts.Before); err != nil {
			t.Fatal(err)
		}
	}
	text, err := ToWazo(d.Content, opts)
	switch {
	case errors.Is(err, ErrEmpty):
		return "(nothing)"
	case err != nil:
		t.Fatal(err)
	case d.Kind == KindWordless:
		return "(once in a room) " + text
	}
	return text
}

func (e goldenEvent) showReaction(opts WazoOptions) string {
	_, emoji, ok := ReactionOf(&e.event)
	if !ok {
		return "(nothing)"
	}
	reactions := e.Reactions
	if reactions == nil {
		reactions = []Reaction{{}}
	}
	for i := range reactions {
		if reactions[i].Emoji == "" {
			reactions[i].Emoji = emoji
		}
	}
	about := ""
	if e.About != nil {
		about = Preview(Describe(e.About, nil).Content, opts)
	}
	if e.Removed {
		return Reactions(reactions).RemovedLine(about, opts)
	}
	return Reactions(reactions).Line(about, opts)
}

func TestGoldenToWazo(t *testing.T) {
	testGolden(t, "to-wazo", func(t *testing.T, input string) []section {
		var e goldenEvent
		if err := errors.Join(json.Unmarshal([]byte(input), &e), json.Unmarshal([]byte(input), &e.event)); err != nil {
			t.Fatal(err)
		}
		markdown, plain := e.show(t, false), e.show(t, true)
		checkMarkdown(t, markdown)
		if plain == markdown {
			return []section{{"both", markdown}}
		}
		return []section{{"markdown", markdown}, {"plain", plain}}
	})
}

func TestGoldenToMatrix(t *testing.T) {
	people := People{
		{ID: "1", Name: "Ann Smith", User: "@ann:a.example"}, {ID: "2", Name: "Bea Jones"},
		{ID: "3", Name: "Cem Kaya", User: "@cem:b.example"}, {ID: "4", Name: "Cem Kaya"},
	}
	testGolden(t, "to-matrix", func(t *testing.T, input string) []section {
		sections := []section{}
		for _, typed := range []Typed{{}, {AsIs: true}} {
			c := typed.ToMatrix(input, people...)
			checkMatrixHTML(t, c.FormattedBody)
			text := c.Body
			if c.FormattedBody != "" {
				text += "\n-> " + c.FormattedBody
			}
			for _, user := range c.Mentions.UserIDs {
				text += fmt.Sprintf("\n-> mentions %s", user)
			}
			if typed.AsIs {
				sections = append(sections, section{"as it is", text})
			} else {
				sections = append(sections, section{"read as Markdown", text})
			}
		}
		if sections[0].text == sections[1].text {
			return []section{{"both", sections[0].text}}
		}
		return sections
	})
}

func TestGoldenFilesHaveEnoughCases(t *testing.T) {
	count := 0
	files := readGolden(t, "to-wazo")
	for _, direction := range []string{"to-matrix", "names", "long"} {
		files = append(files, readGolden(t, direction)...)
	}
	for _, file := range files {
		seen := map[string]bool{}
		for _, c := range file.cases {
			count++
			if seen[c.name] {
				t.Errorf("%s has two cases %q", file.path, c.name)
			}
			seen[c.name] = true
		}
	}
	if count < 120 {
		t.Errorf("%d cases", count)
	}
}

func TestGoldenNames(t *testing.T) {
	testGolden(t, "names", func(_ *testing.T, input string) []section {
		var people []Namesake
		for line := range strings.Lines(input) {
			fields := strings.Split(strings.TrimSpace(line), "|")
			people = append(people, Namesake{strings.TrimSpace(fields[0]), strings.TrimSpace(fields[1]), strings.TrimSpace(fields[2])})
		}
		return []section{{"names", strings.Join(TellApart(people), "\n")}}
	})
}

func TestGoldenLongMessages(t *testing.T) {
	testGolden(t, "long", func(t *testing.T, input string) []section {
		var times int
		if _, err := fmt.Sscan(input, &times); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(input, " ")
		long := Parts(strings.Repeat(strings.ReplaceAll(text, `\n`, "\n"), times))
		var sections []section
		for i, part := range long.Parts {
			checkPart(t, part)
			sections = append(sections, section{fmt.Sprintf("part %d", i+1), endsOf(part)})
		}
		if long.Rest != "" {
			sections = append(sections, section{long.FileName, endsOf(long.Rest)})
		}
		return sections
	})
}

// endsOf shows how a long text begins and ends.
func endsOf(text string) string {
	const shown = 40
	end := text[len(text)-len(TruncateBytes(text, shown)):]
	return fmt.Sprintf("%d bytes: %q … %q", len(text), TruncateBytes(text, shown), end)
}
