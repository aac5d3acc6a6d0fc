package convert

import (
	"fmt"
	"strings"
	"unicode"
)

// safeLink reports whether target may be the target of a link: an absolute URL
// whose scheme does no more than open something. Everything else is refused, so
// safeLink need not know the tricks (tabs, entities, case) with which browsers still
// read "javascript:".
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

// readableTarget reports whether people can use a target that can't be linked if they
// read it: the address of a phone, a file or a chat. Nobody can use scripts, data and
// what is relative to a page.
func readableTarget(target string) bool {
	scheme, rest, found := strings.Cut(target, ":")
	if !found || !readable(rest) || strings.Trim(scheme, schemeLetters) != "" || scheme == "" {
		return false
	}
	switch strings.ToLower(scheme) {
	case "javascript", "vbscript", "data", "blob", "about", "mxc":
		return false
	default:
		return true
	}
}

const schemeLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."

// markdownTarget encodes target so that it can stand between the parentheses of a
// Markdown link.
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
