package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// omission stands in a quotation for a name or another text that varies.
const omission = "…"

// The first cell in the head of a table says what the first column quotes.
var (
	quotesBeginnings = []string{"the bot says", "the bot answers", "they read", "the page says", "why or note of /readyz", "the status says"}
	quotesReasons    = "reason" // that stands behind a colon
)

// explainedElsewhere are the texts that docs/troubleshooting.md need not quote:
// the status, the device and the key backup, which docs/commands.md and docs/administration.md
// explain line by line, and what says no more than was asked for.
var explainedElsewhere = regexp.MustCompile(`^(?:BotName|Help|Pong|Rooms$|Status|LastError|Device\w*|Backup\w*|Late|PastTime|ConversationTopic|OutsideTopic)\b`)

// said is a text of the relay.
type said struct{ label, text string }

// quotation is what docs/troubleshooting.md quotes of a text.
type quotation struct {
	snippet
	pattern  *regexp.Regexp
	isReason bool
}

// checkQuotes compares what docs/troubleshooting.md quotes with what the relay
// says: each quotation begins a text, or a reason in one, and each text is
// quoted, and its reason, too.
func checkQuotes(r *repository) (problems []problem, err error) {
	texts := parseGolden(r.texts[goldenTexts])
	if len(texts) == 0 {
		return []problem{missingFile(goldenTexts, "show every text that the relay says")}, nil
	}
	doc := r.documents[troubleshootingDoc]
	if doc == nil {
		return []problem{missingFile(troubleshootingDoc, "explain what the relay says")}, nil
	}
	quotations := doc.quotations()
	for _, quote := range quotations {
		if !slices.ContainsFunc(texts, func(t said) bool { return quote.pattern.MatchString(t.text) }) {
			problems = append(problems, problem{troubleshootingDoc, quote.line, fmt.Sprintf("The relay does not say %q; quote the beginning of a text in %s.", quote.text, goldenTexts)})
		}
	}
	for _, text := range texts {
		if !explainedElsewhere.MatchString(text.label) && !text.isExplained(quotations) {
			problems = append(problems, problem{troubleshootingDoc, 1, fmt.Sprintf("No table explains the text %q (%s); quote its beginning in one.", text.text, text.label)})
		}
	}
	return problems, nil
}

// isExplained says whether the text is quoted, and its reason if it has one.
func (s said) isExplained(quotations []quotation) bool {
	quoted := func(reason bool) bool {
		return slices.ContainsFunc(quotations, func(q quotation) bool { return q.isReason == reason && q.pattern.MatchString(s.text) })
	}
	_, why, _ := strings.Cut(s.label, " ")
	return quoted(false) && (!strings.HasPrefix(why, "Why") || quoted(true))
}

// parseGolden returns the texts of the golden file without their markup, and with
// the command prefix that the documents use. A text stands below its label, each
// line of it behind four spaces.
func parseGolden(golden string) (texts []said) {
	plain := strings.NewReplacer("**", "", "`", "", `\`, "", "!chat", prefix)
	for line := range strings.SplitSeq(golden, "\n") {
		switch text, isText := strings.CutPrefix(line, "    "); {
		case isText && len(texts) > 0:
			last := &texts[len(texts)-1]
			last.text = strings.TrimSpace(last.text + "\n" + plain.Replace(text))
		case line != "" && !strings.HasPrefix(line, "#"):
			texts = append(texts, said{label: line})
		}
	}
	return texts
}

// quotations are the first cells of the tables that quote the relay. A cell may
// hold several quotations with semicolons between them.
func (d *document) quotations() (all []quotation) {
	for _, table := range d.tables {
		isReason := table.head == quotesReasons
		if !isReason && !slices.Contains(quotesBeginnings, table.head) {
			continue
		}
		for _, cell := range table.firstCells {
			for quote := range strings.SplitSeq(cell.text, "; ") {
				all = append(all, quotation{snippet{quote, cell.line}, quotePattern(quote, isReason), isReason})
			}
		}
	}
	return all
}

func quotePattern(quote string, isReason bool) *regexp.Regexp {
	parts := strings.Split(strings.TrimSpace(strings.TrimSuffix(quote, omission)), omission)
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	begin := "^"
	if isReason {
		begin = ": "
	}
	return regexp.MustCompile(begin + strings.Join(parts, ".+"))
}
