package words

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"wazo-matrix-relay/relay/words/french"
)

// Language is a language in which the relay speaks, as its BCP 47 tag.
type Language string

// The languages. English stands in the code, and is the key of each translation in the message catalogue. The zero
// value is English, too.
const (
	English Language = "en"
	French  Language = "fr"
)

// Languages returns all languages in which the relay can speak.
func Languages() []Language { return []Language{English, French} }

// In returns the same texts in a language.
func (t Texts) In(language Language) Texts {
	t.language = language
	return t
}

// InEach returns the texts in each language, first in their own. What the relay has said may be in another language
// than what it says now: an administrator can change it.
func (t Texts) InEach() []Texts {
	all := []Texts{t}
	for _, language := range Languages() {
		if language != t.Language() {
			all = append(all, t.In(language))
		}
	}
	return all
}

// Language returns the language of the texts.
func (t Texts) Language() Language {
	if t.language == "" {
		return English
	}
	return t.language
}

// Phrase is an English text into which nothing is put. [Texts.Say] says it in the language of the texts.
type Phrase string

// Say says a phrase.
func (t Texts) Say(phrase Phrase) string {
	if t.Language() == English {
		return string(phrase)
	}
	return printers()[t.language].Sprintf(string(phrase))
}

// IsSaidBy reports whether a text is the phrase, in any language.
func (p Phrase) IsSaidBy(text string) bool {
	return slices.ContainsFunc(Texts{}.InEach(), func(t Texts) bool { return t.Say(p) == text })
}

// IsPartOf reports whether a text contains the phrase, in any language.
func (p Phrase) IsPartOf(text string) bool {
	return slices.ContainsFunc(Texts{}.InEach(), func(t Texts) bool { return strings.Contains(text, t.Say(p)) })
}

// say says an English sentence in the language of the texts, with arguments as those of fmt.Sprintf. The sentence must
// be written where say is called, because the tests find it there and compare it with the catalogue.
func (t Texts) say(english string, args ...any) string {
	if t.Language() == English {
		return fmt.Sprintf(english, args...)
	}
	return printers()[t.language].Sprintf(english, args...)
}

// count is say for a sentence about a number of things: one is its English for exactly one, and several for all other
// numbers. n is the first argument of both. Other languages count in their own way: French says "0 message".
func (t Texts) count(n int, one, several string, args ...any) string {
	args = append([]any{n}, args...)
	switch {
	case t.Language() != English:
		return printers()[t.language].Sprintf(several, args...)
	case n == 1:
		return fmt.Sprintf(one, args...)
	default:
		return fmt.Sprintf(several, args...)
	}
}

// at says when something was, in the time zone of the time.
func (t Texts) at(when time.Time) string { return when.Format(t.say("2006-01-02 15:04 MST")) }

// WrittenAt says when a message was written, in the time zone of the time: with its day unless that is known.
func (t Texts) WrittenAt(when time.Time, withDay bool) string {
	if withDay {
		return when.Format(t.say("2006-01-02 15:04"))
	}
	return when.Format(t.say("15:04"))
}

// lasting says how long something lasts, in its largest unit and the next smaller one, rounded down: "1 h 15 min". What
// is shorter than a second is "0 s".
func (t Texts) lasting(d time.Duration) string {
	const day = 24 * time.Hour
	type unit struct {
		length time.Duration
		told   func(n int) string
	}
	units := []unit{
		{day, func(n int) string { return t.count(n, "%d day", "%d days") }},
		{time.Hour, func(n int) string { return t.say("%d h", n) }},
		{time.Minute, func(n int) string { return t.say("%d min", n) }},
		{time.Second, func(n int) string { return t.say("%d s", n) }},
	}
	largest := slices.IndexFunc(units, func(u unit) bool { return d >= u.length })
	if largest < 0 {
		return t.say("%d s", 0)
	}
	said := units[largest].told(int(d / units[largest].length))
	if largest+1 < len(units) {
		next := units[largest+1]
		if n := d % units[largest].length / next.length; n > 0 {
			said += " " + next.told(int(n))
		}
	}
	return said
}

// list puts parts of a sentence that are complete in themselves one after the other.
func (t Texts) list(parts ...string) string { return strings.Join(parts, t.say("; ")) }

// catalogues are the translations of each language but English, by the English sentences. Those that count have two
// forms: that for what the language takes for one thing, and that for several.
func catalogues() map[Language]map[string][]string {
	return map[Language]map[string][]string{French: french.Sentences()}
}

// printers make the sentences of each language but English. The catalogue is made when it is first needed. A sentence
// without translation is said in English.
var printers = sync.OnceValue(func() map[Language]*message.Printer {
	all := make(map[Language]*message.Printer)
	for name, sentences := range catalogues() {
		tag := language.MustParse(string(name))
		builder := catalog.NewBuilder(catalog.Fallback(tag))
		for english, forms := range sentences {
			translation := catalog.Message(catalog.String(forms[0]))
			if len(forms) > 1 {
				translation = plural.Selectf(1, "%d", plural.One, forms[0], plural.Other, forms[1])
			}
			if err := builder.Set(tag, english, translation); err != nil {
				panic(fmt.Sprintf("the %s of %q cannot be used: %v", name, english, err)) // the tests make all of them
			}
		}
		all[name] = message.NewPrinter(tag, message.Catalog(builder))
	}
	return all
})
