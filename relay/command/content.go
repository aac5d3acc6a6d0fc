package command

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Reader reads the commands of Matrix messages.
type Reader struct {
	Prefix string
	Bot    id.UserID
}

// Read reads the content of a message (m.room.message). It reports false if the message is not a command. An edit is a
// command if what it replaces the message by is one. botNames are the bot's display names.
//
// People type texts and emotes. A notice is what bots say, to which no bot answers, and the text of a file is its name
// or its caption.
func (r Reader) Read(content map[string]any, botNames ...string) (Command, bool) {
	isEdit := Replaces(content) != ""
	if edited, ok := content["m.new_content"].(map[string]any); ok {
		content, isEdit = edited, false
	}
	switch event.MessageType(text(content, "msgtype")) {
	case event.MsgText, event.MsgEmote:
	default:
		return Command{}, false
	}
	body := text(content, "body")
	if isEdit {
		body = strings.TrimPrefix(body, "* ") // the fallback of an edit that says nothing else
	}
	body = withoutReply(body)
	names := append([]string{r.Bot.String(), r.Bot.Localpart()}, botNames...)
	var formatted formattedText
	if text(content, "format") == string(event.FormatHTML) {
		formatted = r.readHTML(text(content, "formatted_body"))
		names = append(names, formatted.mention)
	}
	if link, ok := r.linkedMention(body); ok {
		names = append(names, link)
	}
	if command, ok := Parse(body, r.Prefix, names...); ok {
		return command, true
	}
	return Parse(formatted.text, r.Prefix, names...)
}

// Replaces returns the event that an edit replaces, "" if the content is not an edit.
func Replaces(content map[string]any) id.EventID {
	relation, _ := content["m.relates_to"].(map[string]any)
	if text(relation, "rel_type") != string(event.RelReplace) {
		return ""
	}
	return id.EventID(text(relation, "event_id"))
}

func text(content map[string]any, key string) string {
	value, _ := content[key].(string)
	return value
}

// withoutReply takes the fallback of a reply away: the quoted lines that begin with the author of what is answered.
func withoutReply(body string) string {
	if !strings.HasPrefix(body, "> <") && !strings.HasPrefix(body, "> * <") {
		return body
	}
	for strings.HasPrefix(body, ">") {
		_, body, _ = strings.Cut(body, "\n")
	}
	return body
}

// linkedMention returns the Markdown link to the bot with which a text begins. Some clients write a mention so.
func (r Reader) linkedMention(body string) (link string, ok bool) {
	body = trim(body)
	name, rest, ok := strings.Cut(body, "](")
	if !ok || !strings.HasPrefix(name, "[") {
		return "", false
	}
	target, _, ok := strings.Cut(rest, ")")
	if !ok || !r.isBot(strings.Trim(target, "<>")) {
		return "", false
	}
	return name + "](" + target + ")", true
}

// isBot reports whether a link leads to the bot.
func (r Reader) isBot(target string) bool {
	uri, err := id.ParseMatrixURIOrMatrixToURL(target)
	return err == nil && uri.UserID() == r.Bot
}

// formattedText is what a formatted body says.
type formattedText struct {
	text    string
	mention string // the text of the first link to the bot, "" if there is none
}

// notText stands for the start of what is more than formatted text: a quotation, code or a list tells of a command and
// does not give it.
const notText = "\ufffc"

// inline are the elements that may stand around a command.
var inline = map[atom.Atom]bool{
	atom.Html: true, atom.Body: true, atom.P: true, atom.Div: true, atom.Span: true, atom.Font: true, atom.B: true, atom.Strong: true,
	atom.I: true, atom.Em: true, atom.U: true, atom.A: true, atom.Br: true,
}

// replyElement contains the fallback of a reply in formatted bodies.
const replyElement = "mx-reply"

func (r Reader) readHTML(formatted string) formattedText {
	nodes, err := html.ParseFragment(strings.NewReader(formatted), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return formattedText{}
	}
	var out strings.Builder
	var read formattedText
	var walk func(*html.Node)
	walk = func(node *html.Node) {
		switch {
		case node.Type == html.TextNode:
			out.WriteString(node.Data)
			return
		case node.Type != html.ElementNode, node.Data == replyElement:
			return
		case !inline[node.DataAtom] && trim(out.String()) == "":
			out.WriteString(notText)
		case node.DataAtom == atom.Br:
			out.WriteString("\n")
		}
		start := out.Len()
		for child := range node.ChildNodes() {
			walk(child)
		}
		if node.DataAtom == atom.A && read.mention == "" && r.isBot(attribute(node, "href")) {
			read.mention = out.String()[start:]
		}
	}
	for _, node := range nodes {
		walk(node)
	}
	read.text = out.String()
	return read
}

func attribute(node *html.Node, name string) string {
	for _, attr := range node.Attr {
		if attr.Key == name {
			return attr.Val
		}
	}
	return ""
}
