package convert

import (
	"cmp"
	"strings"

	"golang.org/x/net/html"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// link keeps a link whose target is harmless, and turns those that point into
// Matrix into names.
func (in *inline) link(n *html.Node, st style) {
	href, _ := attribute(n, "href")
	href = strings.TrimSpace(href)
	if uri, err := id.ParseMatrixURIOrMatrixToURL(href); err == nil && uri != nil {
		in.pill(n, uri, st)
		return
	}
	if address := mapOf(href); address != "" {
		href = address
	}
	label := strings.TrimSpace(collapse(textContent(n)))
	switch {
	case st.link != nil:
		in.children(n, st)
	case !safeLink(href):
		in.children(n, st)
		in.target(href, label, st)
	case label == href && markdownTarget(href) == href && isWebLink(href) && !strings.ContainsAny(href[len(href)-1:], "?!.,:;'"):
		in.runs = append(in.runs, run{kind: urlRun, text: href, style: st})
	case label == trimScheme(href) && !isWebLink(href):
		in.children(n, st)
	default:
		st.link = &anchor{href}
		before := len(in.runs)
		in.children(n, st)
		if !readable(textOf(in.runs[before:])) {
			in.text(href, st) // nobody could see the link
		}
	}
}

// target shows the target of a link that can't be a link, unless its text shows it.
func (in *inline) target(href, label string, st style) {
	switch href = collapse(href); {
	case !readableTarget(href) || label == href:
	case label == "":
		in.text(href, st)
	default:
		in.text(" ("+href+")", st)
	}
}

func isWebLink(href string) bool {
	return strings.HasPrefix(href, "http://") || strings.HasPrefix(href, "https://")
}

// trimScheme is what people write of an address that Markdown clients link by
// themselves, or that needs no link to be used.
func trimScheme(href string) string {
	for _, scheme := range []string{"mailto:", "tel:"} {
		if rest, found := strings.CutPrefix(href, scheme); found {
			return rest
		}
	}
	return href
}

// pill shows a person as @Name and a room by its text or alias. Links to rooms
// and events stay links if their text says more than the link.
func (in *inline) pill(n *html.Node, uri *id.MatrixURI, st style) {
	label := strings.TrimSpace(collapse(textContent(n)))
	href, _ := attribute(n, "href")
	target := uri.MatrixToURL()
	bare := label == "" || label == strings.TrimSpace(href) || label == target
	if user := uri.UserID(); user != "" {
		in.text("@"+in.userName(user, label, bare), st)
		return
	}
	alias := uri.RoomAlias().String()
	name := in.roomName(uri)
	switch {
	case label == "@room": // some clients link it to the room
		in.text(label, st)
	case name != "" && uri.EventID() == "" && (bare || label == uri.PrimaryIdentifier()):
		in.text(name, st)
	case uri.EventID() == "" && alias != "" && (bare || label == alias):
		in.text(alias, st)
	case st.link != nil:
		in.children(n, st)
	case bare || label == uri.PrimaryIdentifier():
		st.link = &anchor{target}
		in.text(cmp.Or(name, in.say(words.UnnamedRoom)), st)
	default:
		st.link = &anchor{target}
		in.children(n, st)
	}
}

// roomName returns the name of the room that a link leads to, or "" if it is not known.
func (in *inline) roomName(uri *id.MatrixURI) string {
	if in.rooms == nil {
		return ""
	}
	return CleanName(in.rooms(uri.PrimaryIdentifier()), MaxProfileBytes)
}

// userName is the name for the pill of user: the one that the caller knows, the
// pill's text, or the first part of the id.
func (in *inline) userName(user id.UserID, label string, bare bool) string {
	if in.names != nil {
		if name := CleanName(in.names(user), MaxProfileBytes); name != "" {
			return strings.TrimPrefix(name, "@")
		}
	}
	if name := CleanName(strings.TrimPrefix(label, "@"), MaxProfileBytes); name != "" && !bare && label != user.String() {
		return name
	}
	return CleanName(user.Localpart(), MaxProfileBytes)
}
