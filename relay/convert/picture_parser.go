package convert

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxDescription is the longest description of a picture, in bytes.
const maxDescription = 1000

// maxPictureText is the longest text in which pictures are looked for, in bytes,
// not counting what stands in the message itself: parsing takes time that can grow
// with the square of the length.
const maxPictureText = 32 << 10

// Pictures returns the pictures in a message's content, Markdown, in order. What
// stands in code is none, nor is one in the description of another. In a text
// longer than 32 KiB it finds none.
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
		if p, ok := pictureOf(image, short.text); ok {
			p.start, p.end, p.Source = short.position(p.start), short.position(p.end), short.source(p.Source)
			found = append(found, p)
		}
		return ast.WalkSkipChildren, nil
	})
	return found
}

// shortened is a content whose long data: addresses are replaced by short ones.
type shortened struct {
	text string
	cuts []cut
}

// cut is an address that was replaced.
type cut struct {
	address string
	end     int // of what replaces it
	lost    int // how much shorter the text is from there on, in bytes
}

// dataAddress finds data: addresses where a picture could have them.
var dataAddress = regexp.MustCompile(`(?i)\(\s*<?(data:[^\s()<>]{64,})`)

// cutAddress is what replaces them.
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

// position returns where a place in the text stands in the content.
func (s shortened) position(at int) int {
	lost := 0
	for _, c := range s.cuts {
		if at >= c.end {
			lost = c.lost
		}
	}
	return at + lost
}

// source returns the address that was replaced by one of a picture.
func (s shortened) source(address string) string {
	number, found := strings.CutPrefix(address, cutAddress)
	if i, err := strconv.Atoi(number); found && err == nil && i >= 0 && i < len(s.cuts) {
		return s.cuts[i].address
	}
	return address
}

// pictureOf reads what pictureParser left in a node. It reports false if the
// picture is none that could be fetched.
func pictureOf(image *ast.Image, content string) (p Picture, ok bool) {
	span, ok := image.AttributeString(spanAttribute)
	if !ok {
		return p, false
	}
	p.start, p.end = span.([2]int)[0], span.([2]int)[1]
	p.Source = string(util.URLEscape(image.Destination, true))
	switch scheme, _, _ := strings.Cut(p.Source, ":"); strings.ToLower(scheme) {
	case "https", "http", "data":
	default:
		return p, false
	}
	var description strings.Builder
	_ = ast.Walk(image, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if words, ok := n.(*ast.Text); ok && entering {
			description.Write(util.UnescapePunctuations(words.Segment.Value([]byte(content))))
			if words.SoftLineBreak() || words.HardLineBreak() {
				description.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	p.Description = CleanName(description.String(), maxDescription)
	return p, true
}

// spanAttribute is the attribute in which pictureParser leaves where a picture
// stands.
const spanAttribute = "span"

// pictureParser is goldmark's parser of links and pictures, which notes where in
// the source a picture begins and ends.
type pictureParser struct{ parser.InlineParser }

var _ parser.CloseBlocker = pictureParser{}

// Parse implements [parser.InlineParser].
func (p pictureParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	n := p.InlineParser.Parse(parent, block, pc)
	image, ok := n.(*ast.Image)
	if !ok {
		return n
	}
	start := image.Pos()
	_, after := block.Position()
	end := min(after.Start, len(block.Source()))
	if start < 0 || end <= start {
		return n
	}
	// At the end of a line the reader is at the beginning of the next one.
	end = start + bytes.LastIndexByte(block.Source()[start:end], ')') + 1
	if bytes.HasPrefix(block.Source()[start:end], []byte("![")) {
		image.SetAttributeString(spanAttribute, [2]int{start, end})
	}
	return n
}

// CloseBlock implements [parser.CloseBlocker].
func (p pictureParser) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if closer, ok := p.InlineParser.(parser.CloseBlocker); ok {
		closer.CloseBlock(parent, block, pc)
	}
}
