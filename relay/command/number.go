package command

import (
	"strings"
	"unicode"
)

// CutNumber splits the arguments of a command into a telephone number and a text. A number that contains blanks must
// stand in quotation marks if a text follows: otherwise nobody could tell where the number ends, and a text message
// would go to somebody else.
func CutNumber(args string) (number, text string) {
	args = trim(args)
	for i, r := range args {
		closing := opened(r)
		if i > 0 || closing == "" {
			break
		}
		rest := args[len(string(r)):]
		if end := strings.IndexAny(rest, closing); end >= 0 {
			number = rest[:end]
			return trim(number), trim(strings.TrimLeftFunc(rest[end:], func(c rune) bool { return strings.ContainsRune(closing, c) }))
		}
	}
	isNumber := func(c rune) bool {
		return unicode.IsDigit(c) || isBlank(c) || strings.ContainsRune("+-().,/‐‑–", c)
	}
	if !strings.ContainsFunc(args, func(c rune) bool { return !isNumber(c) }) {
		return args, ""
	}
	if end := strings.IndexFunc(args, isBlank); end >= 0 {
		return args[:end], trim(args[end:])
	}
	return args, ""
}
