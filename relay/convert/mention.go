package convert

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Person is a member of a Wazo room.
type Person struct {
	ID   string    // of the Wazo user
	Name string    // in the directory
	User id.UserID // who the person is on Matrix; empty: nobody who can be mentioned
}

// People are the members of a Wazo room. Their names after an "@" mention them, if they
// are known on Matrix. A name that several of them have mentions nobody.
type People []Person

// Without returns the people of whom one cannot be mentioned: nobody mentions
// themselves.
func (p People) Without(id string) People {
	others := slices.Clone(p)
	for i := range others {
		if others[i].ID == id {
			others[i].User = ""
		}
	}
	return others
}

// mentions finds the people who are mentioned in a message.
type mentions struct {
	people  People // the longest names first
	content *event.Mentions
}

// newMentions returns what finds people and adds them to the mentions of a content. It
// returns nil if nobody can be mentioned.
func newMentions(people People, content *event.Mentions) *mentions {
	found := make(People, 0, len(people))
	anybody := false
	for _, person := range people {
		if person.Name = strings.TrimSpace(cleanText(person.Name)); person.Name == "" {
			continue
		}
		anybody = anybody || person.User != ""
		found = append(found, person)
	}
	if !anybody {
		return nil
	}
	slices.SortStableFunc(found, func(a, b Person) int { return len(b.Name) - len(a.Name) })
	return &mentions{found, content}
}

// mark takes the mentions out of the texts below a node, but not of code and links.
func (m *mentions) mark(n ast.Node) {
	for child := n.FirstChild(); child != nil; {
		next := child.NextSibling()
		switch child.Kind() {
		case ast.KindLink, ast.KindImage, ast.KindCodeSpan, ast.KindFencedCodeBlock, ast.KindCodeBlock, kindURL:
		case ast.KindString:
			next = m.markText(n, child)
		default:
			m.mark(child)
		}
		child = next
	}
}

// markText takes the mentions out of a row of texts, which begins with a node. It
// returns the node behind the row.
func (m *mentions) markText(parent, first ast.Node) (after ast.Node) {
	var text strings.Builder
	var row []ast.Node
	for after = first; after != nil && after.Kind() == ast.KindString; after = after.NextSibling() {
		text.Write(after.(*ast.String).Value)
		row = append(row, after)
	}
	parts := m.split(text.String())
	if len(parts) == 1 && parts[0].Kind() == ast.KindString {
		return after
	}
	for _, part := range parts {
		parent.InsertBefore(parent, first, part)
	}
	for _, node := range row {
		parent.RemoveChild(parent, node)
	}
	return after
}

// split returns the nodes of a text, and notes whom it mentions.
func (m *mentions) split(text string) (nodes []ast.Node) {
	begin := 0
	for i := 0; i < len(text); {
		person, length := m.at(text, i)
		if length == 0 {
			i++
			continue
		}
		if person.User != "" {
			if i > begin {
				nodes = append(nodes, textNode(text[begin:i]))
			}
			begin = i + length
			nodes = append(nodes, &mentionNode{user: person.User, label: text[i:begin]})
			m.content.Add(person.User)
		}
		i += length
	}
	if begin < len(text) || begin == 0 {
		nodes = append(nodes, textNode(text[begin:]))
	}
	return nodes
}

// at returns the person whose name stands at a place of a text, behind an "@", and how
// long that is; 0 if there is none. Words before and behind the name must not go on.
func (m *mentions) at(text string, i int) (person Person, length int) {
	if text[i] != '@' {
		return person, 0
	} else if previous, _ := utf8.DecodeLastRuneInString(text[:i]); i > 0 && (isWord(previous) || strings.ContainsRune(".@-+", previous)) {
		return person, 0
	}
	rest := text[i+1:]
	for _, candidate := range m.people {
		switch {
		case length > 0 && len(candidate.Name) < length-1:
			return person, length
		case len(rest) < len(candidate.Name) || !strings.EqualFold(rest[:len(candidate.Name)], candidate.Name) || goesOn(rest[len(candidate.Name):]):
		case length > 0:
			person.User = "" // several people have this name
		default:
			person, length = candidate, len(candidate.Name)+1
		}
	}
	return person, length
}

// goesOn reports whether a word that ends in front of a text goes on with it.
func goesOn(rest string) bool {
	r, size := utf8.DecodeRuneInString(rest)
	if strings.ContainsRune("-.:@", r) {
		r, _ = utf8.DecodeRuneInString(rest[size:])
		return rest != "" && r != utf8.RuneError && isWord(r)
	}
	return rest != "" && isWord(r)
}

// mentionNode is a person who is mentioned.
type mentionNode struct {
	ast.BaseInline
	user  id.UserID
	label string
}

var kindMention = ast.NewNodeKind("Mention")

// Kind implements [ast.Node].
func (n *mentionNode) Kind() ast.NodeKind { return kindMention }

// Dump implements [ast.Node].
func (n *mentionNode) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"user": n.user.String()}, nil)
}

// mentionRenderer renders mentions as links to people, which clients show as pills.
type mentionRenderer struct{}

var _ renderer.NodeRenderer = mentionRenderer{}

// RegisterFuncs implements [renderer.NodeRenderer].
func (mentionRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(kindMention, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		mention := n.(*mentionNode)
		href := util.EscapeHTML([]byte(mention.user.URI().MatrixToURL()))
		_, err := w.WriteString(`<a href="` + string(href) + `">` + string(util.EscapeHTML([]byte(mention.label))) + `</a>`)
		return ast.WalkContinue, err
	})
}
