package convert

import (
	"strings"

	"github.com/yuin/goldmark"
)

// maxChecked is the length of the longest paragraph, in bytes, for which the most
// readable Markdown is searched.
const maxChecked = 64 << 10

// phraser writes paragraphs as Markdown with as few escapes as possible. It does not
// guess which characters have a meaning where they stand. It writes the paragraph,
// reads it back as a Markdown client that supports HTML would, and takes the first
// version that shows exactly the intended text.
type phraser struct {
	markdown goldmark.Markdown
	plain    bool // whether it writes text instead, see newPlainPhraser
}

func newPhraser() *phraser { return &phraser{markdown: clientMarkdown()} }

// newTypedPhraser returns a phraser for what is read back by [ToMatrix].
func newTypedPhraser() *phraser { return &phraser{markdown: typedMarkdown()} }

// phrase writes runs after prefix, which is Markdown that is not seen, such as the
// "## " of a heading.
func (p *phraser) phrase(prefix string, runs []run) string {
	if p.plain {
		return writePlain(runs)
	}
	return p.best(runs, false, func(d dialect, runs []run) (string, string) {
		text := d.write(prefix, runs)
		return text, text
	})
}

// cell writes runs as they stand between the bars of a table.
func (p *phraser) cell(runs []run) string {
	if p.plain {
		return writePlain(runs)
	}
	return p.best(runs, true, func(d dialect, runs []run) (string, string) {
		text := d.write("", runs)
		return text, tableRow([]string{text}) + "\n| --- |"
	})
}

// writeRuns writes runs in a dialect. It also returns the context in which the text will
// stand, to be read back.
type writeRuns func(d dialect, runs []run) (text, context string)

// best tries the dialects from the most readable to the safest. It returns the first
// text of write that shows the runs. If some of their marks can't be written, it leaves
// those out.
func (p *phraser) best(runs []run, cell bool, write writeRuns) string {
	want := squeeze(textOf(runs))
	if len(want) <= maxChecked {
		dialects := []dialect{
			{escapeNothing, "_", cell}, {escapeNothing, "*", cell},
			{escapeSyntax, "_", cell}, {escapeSyntax, "*", cell},
			{escapeAll, "_", cell}, {escapeAll, "*", cell},
		}
		if text, ok := p.first(dialects, runs, want, write); ok {
			return text
		}
		written := p.writable(runs, dialects[2:], want, write)
		if text, ok := p.first(append(dialects, dialect{escapeSyntax, "", cell}), written, want, write); ok {
			return text
		}
	}
	text, _ := write(dialect{escapeAll, "", cell}, runs)
	return text
}

// first returns the runs in the first of the dialects in which exactly the wanted text
// is seen.
func (p *phraser) first(dialects []dialect, runs []run, want string, write writeRuns) (string, bool) {
	for _, d := range dialects {
		if text, context := write(d, runs); squeeze(p.seen(context)) == want {
			return text, true
		}
	}
	return "", false
}

// literal writes plain text, escaped where needed, after a label that is
// Markdown and seen.
func (p *phraser) literal(label, text string) string {
	runs := []run{{kind: codeRun, text: label, markdown: label}}
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			runs = append(runs, run{kind: breakRun, text: "\n"})
		}
		if line != "" {
			runs = append(runs, run{kind: textRun, text: line})
		}
	}
	return p.phrase("", runs)
}

// link writes plain text of one line as a link, after a label that is Markdown
// and seen.
func (p *phraser) link(label, text, target string) string {
	return p.phrase("", []run{
		{kind: codeRun, text: label, markdown: label},
		{kind: textRun, text: text, style: style{link: &anchor{target}}},
	})
}

// seen returns the text that a person sees of markdown, without raw HTML. It returns
// "", which no caller wants, if the markdown can't be read back.
func (p *phraser) seen(markdown string) string {
	if nestsTooDeeply(markdown) {
		return ""
	}
	var out strings.Builder
	if err := p.markdown.Convert([]byte(markdown), &out); err != nil {
		// A strings.Builder takes everything, so this does not happen.
		return ""
	}
	return visibleText(out.String())
}
