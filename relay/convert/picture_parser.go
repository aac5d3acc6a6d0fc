package convert

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// maxDescription is the length of the longest description of a picture, in bytes.
const maxDescription = 1000

// maxPictureText is the length of the longest text that is searched for pictures, in
// bytes without those of data: addresses. Parsing can take time that grows with the
// square of the length.
const maxPictureText = 32 << 10

// Pictures returns the pictures that a message's content shows if it is read in this way, see
// [Pictures]. There are none in a text that is shown as it is.
func (t Typed) Pictures(content string) []Picture {
	if t.AsIs {
		return nil
	}
	return Pictures(content)
}

// Pictures returns the pictures in a message's content, which is Markdown, in their
// order. A picture in code does not count, nor does one in the description of
// another. Pictures returns nil for a text of more than 32 KiB, not counting the
// data: addresses in it.
func Pictures(content string) []Picture {
	if !strings.Contains(content, "![") {
		return nil
	}
	short := shorten(content)
	if len(short.text) > maxPictureText || nestsTooDeeply(short.text) {
		return nil
	}
	source := []byte(short.text)
	var found []Picture
	// The visitor returns no error, so Walk has none either.
	_ = ast.Walk(newHTMLRenderer().markdown.Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		image, ok := n.(*ast.Image)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		if p, ok := pictureOf(image); ok {
			p.start, p.end, p.Source = short.position(p.start), short.position(p.end), short.source(p.Source)
			found = append(found, p)
		}
		return ast.WalkSkipChildren, nil
	})
	return found
}

// shortened is a message's content in which short addresses stand for the long
// data: addresses.
type shortened struct {
	text string
	cuts []cut
}

// cut is an address that was replaced.
type cut struct {
	address string
	end     int // where its replacement ends in the text
	lost    int // by how many bytes the text is shorter up to there
}

// dataAddress finds data: addresses where the address of a picture can stand.
var dataAddress = regexp.MustCompile(`(?i)\(\s*<?(data:[^\s()<>]{64,})`)

// cutAddress, followed by a number, stands for a data: address.
const cutAddress = "data:cut"

func shorten(content string) (s shortened) {
	var out strings.Builder
	end := 0
	for i, match := range dataAddress.FindAllStringSubmatchIndex(content, -1) {
		out.WriteString(content[end:match[2]])
		out.WriteString(cutAddress + strconv.Itoa(i))
		end = match[3]
		s.cuts = append(s.cuts, cut{content[match[2]:end], out.Len(), end - out.Len()})
	}
	out.WriteString(content[end:])
	s.text = out.String()
	return s
}

// position returns the place in the content that belongs to one in the text.
func (s shortened) position(at int) int {
	lost := 0
	for _, c := range s.cuts {
		if at >= c.end {
			lost = c.lost
		}
	}
	return at + lost
}

// source returns the original of a picture's address in the text.
func (s shortened) source(address string) string {
	number, found := strings.CutPrefix(address, cutAddress)
	if i, err := strconv.Atoi(number); found && err == nil && i >= 0 && i < len(s.cuts) {
		return s.cuts[i].address
	}
	return address
}

// pictureOf returns the picture that the parser found, with its place in the
// shortened text. It reports false if the picture can't be fetched.
func pictureOf(image *ast.Image) (p Picture, ok bool) {
	span, ok := image.AttributeString(spanAttribute)
	if !ok {
		return p, false
	}
	p.start, p.end = span.([2]int)[0], span.([2]int)[1]
	p.Source = string(image.Destination)
	switch scheme, _, _ := strings.Cut(p.Source, ":"); strings.ToLower(scheme) {
	case "https", "http", "data":
	default:
		return p, false
	}
	var description strings.Builder
	_ = ast.Walk(image, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.String:
			description.Write(n.Value)
		case *urlNode:
			description.WriteString(n.address)
		case *ast.Text:
			description.WriteByte(' ') // the end of a line
		}
		return ast.WalkContinue, nil
	})
	p.Description = CleanName(description.String(), maxDescription)
	return p, true
}

// spanAttribute is the attribute in which the parser stores where in the message the
// Markdown of a picture begins and ends.
const spanAttribute = "span"
