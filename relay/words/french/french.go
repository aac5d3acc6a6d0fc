// Package french has what the relay says in French.
//
// Each file has the sentences of one file of package words, or of the bot, by their English. A sentence that counts has
// two forms: that for 0 and 1, and that for more. The tests of package words find sentences that are missing here.
//
// The text is written with ordinary blanks and apostrophes, and Sentences sets it: it puts no-break spaces where French
// typography wants them. A tilde is a no-break space between a number and its unit.
//
// The relay says "vous" to people. A room is "salon", a Wazo chat "discussion", a direct chat "conversation privée", a
// log-in "connexion", a power level "rang", and to deliver or to relay is "transmettre": where Matrix has a word, it is
// that of Element. Parked messages are "mis de côté", and what a muted chat no longer brings are "mes invitations".
// Where it is easy, a sentence is such that no participle agrees with the person: "vous n'avez pas l'autorisation"
// instead of "vous n'êtes pas autorisé".
package french

import (
	"maps"
	"regexp"
	"strings"
)

// sentences are French forms by the English sentence.
type sentences map[string][]string

// Sentences returns all sentences, set as French is.
func Sentences() map[string][]string {
	all := make(sentences)
	for _, part := range []sentences{
		accounts, admin, conversations, converted, device, failure, language, login, loginPage, matrixLogin, notices, people, peopleRooms, selfProbe,
		sms, start, status, wait, why, words, commands,
	} {
		maps.Copy(all, part)
	}
	for english, forms := range all {
		set := make([]string, len(forms))
		for i, form := range forms {
			set[i] = typeset(form)
		}
		all[english] = set
	}
	return all
}

const (
	noBreak       = "\u00a0" // before a colon, inside quotation marks, and before a unit
	narrowNoBreak = "\u202f" // before a semicolon, an exclamation mark and a question mark
)

var signs = strings.NewReplacer(
	" :", noBreak+":", "« ", "«"+noBreak, " »", noBreak+"»", " ;", narrowNoBreak+";", " !", narrowNoBreak+"!", " ?", narrowNoBreak+"?",
	"'", "’", "~", noBreak,
)

// code matches what is not French: commands.
var code = regexp.MustCompile("`[^`]*`")

// typeset sets a text: not only a space, but also the apostrophe has another form in print than on keyboards.
func typeset(text string) string {
	var out strings.Builder
	end := 0
	for _, span := range code.FindAllStringIndex(text, -1) {
		out.WriteString(signs.Replace(text[end:span[0]]))
		out.WriteString(text[span[0]:span[1]])
		end = span[1]
	}
	out.WriteString(signs.Replace(text[end:]))
	return out.String()
}
