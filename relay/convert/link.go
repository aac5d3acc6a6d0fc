package convert

import (
	"fmt"
	"strings"
	"unicode"
)

// safeLink reports whether target may be the target of a link: an absolute URL
// of a scheme that only ever opens something. Anything that is not plainly one
// of these is refused, so it needs no knowledge of the tricks (tabs, entities,
// case) by which browsers find "javascript:".
func safeLink(target string) bool {
	scheme, rest, found := strings.Cut(target, ":")
	if !found || rest == "" {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "matrix", "tel":
		return true
	default:
		return false
	}
}

// markdownTarget writes target so that it can stand between the parentheses of
// a Markdown link.
func markdownTarget(target string) string {
	var out strings.Builder
	for _, r := range target {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r), strings.ContainsRune("()<>\\\"`|", r):
			for _, b := range []byte(string(r)) {
				fmt.Fprintf(&out, "%%%02X", b)
			}
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
