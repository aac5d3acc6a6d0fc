package convert

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCorrection is how many words of a correction are shown without the others around
// them. More are read more easily in their place.
const maxCorrection = 8

// correction shows an edit, whose new text is given, beside what the message said before:
// what was changed, if that is shorter, or the new text. It returns [ErrEmpty] if nothing
// changed that people can read.
func (w wazoWriter) correction(text wazoText) (wazoText, error) {
	whole := text.after(editMark)
	before, isEdit := newestContent(w.opts.Before)
	old, err := w.message(withoutFallbacks(before, isEdit))
	if err != nil {
		return whole, nil // what could not be read can be read now
	}
	if slices.Equal(strings.Fields(old.markdown), strings.Fields(text.markdown)) {
		return wazoText{}, ErrEmpty
	}
	is, was, ok := changedWords(old.markdown, text.markdown)
	if !ok || w.comesApart(is) || w.comesApart(was) {
		return whole, nil
	}
	short := editMark + w.opts.Texts.InsteadOf(is, was)
	if utf8.RuneCountInString(short) >= utf8.RuneCountInString(whole.markdown) {
		return whole, nil
	}
	return wazoText{markdown: short}, nil
}

// comesApart reports whether a part of a text may lose its meaning without the rest, because
// it has marks of Markdown or goes over several lines.
func (w wazoWriter) comesApart(part string) bool {
	return strings.Contains(part, "\n") || !w.opts.Plain && strings.ContainsAny(part, "*_~`[]\\<|")
}

// changedWords returns the words of a text that differ from those of an earlier one, and
// those in their place there. It returns false if these are too many, or if they do not
// say by themselves where they stand. Where words were only added or removed, a word beside
// them is returned, too.
func changedWords(before, now string) (is, was string, ok bool) {
	old, current := wordsAndBreaks(before), wordsAndBreaks(now)
	start := 0
	for start < len(old) && start < len(current) && old[start] == current[start] {
		start++
	}
	end := 0
	for end < len(old)-start && end < len(current)-start && old[len(old)-1-end] == current[len(current)-1-end] {
		end++
	}
	for {
		removed, added := old[start:len(old)-end], current[start:len(current)-end]
		switch {
		case len(removed)+len(added) > maxCorrection:
			return "", "", false
		case len(removed) > 0 && len(added) > 0 && occurrences(old, removed) == 1:
			return strings.Join(added, " "), strings.Join(removed, " "), true
		case start > 0:
			start--
		case end > 0:
			end--
		default:
			return "", "", false
		}
	}
}

// wordsAndBreaks returns the words of a text, with its line breaks between them.
func wordsAndBreaks(text string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(text, "\n", " \n "), func(r rune) bool { return r != '\n' && unicode.IsSpace(r) })
}

// occurrences counts where some words stand in a text.
func occurrences(text, some []string) (count int) {
	for i := 0; i+len(some) <= len(text); i++ {
		if slices.Equal(text[i:i+len(some)], some) {
			count++
		}
	}
	return count
}
