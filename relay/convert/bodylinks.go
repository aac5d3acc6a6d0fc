package convert

import (
	"regexp"
	"strings"

	"maunium.net/go/mautrix/id"
)

// matrixLink finds links into Matrix in unformatted text, also as the target of a link in
// Markdown, which some clients write into the body of a message that mentions somebody.
var matrixLink = regexp.MustCompile(`\[([^\[\]\n]{1,255})\]\((https://matrix\.to/#/[^\s()<>]{1,1000}|matrix:[^\s()<>]{1,1000})\)` +
	`|https://matrix\.to/#/[^\s()<>"]{1,1000}|\bmatrix:(?:u|user|r|room|roomid)/[^\s()<>"]{1,1000}`)

// nameLinks puts names into unformatted text where it links to people and rooms. Links to
// messages, and to rooms whose names are not known, stay.
func (o WazoOptions) nameLinks(body string) string {
	if !strings.Contains(body, "matrix") {
		return body
	}
	in := &inline{say: o.Texts.Say, names: o.Names, rooms: o.Rooms}
	p := o.phraser() // names are not formatting
	return matrixLink.ReplaceAllStringFunc(body, func(found string) string {
		parts := matrixLink.FindStringSubmatch(found)
		label, link, rest := parts[1], parts[2], ""
		if link == "" {
			link = strings.TrimRight(found, ".,;:!?'*_~`")
			rest = found[len(link):]
		}
		uri, err := id.ParseMatrixURIOrMatrixToURL(link)
		if err != nil || uri == nil {
			return found
		}
		if user := uri.UserID(); user != "" {
			return p.literal("", "@"+in.userName(user, label, label == "")) + rest
		}
		if uri.EventID() != "" {
			return found
		}
		if name := in.roomName(uri); name != "" {
			return p.literal("", name) + rest
		}
		if alias := uri.RoomAlias(); alias != "" {
			return p.literal("", CleanName(alias.String(), MaxProfileBytes)) + rest
		}
		return found
	})
}
