package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// citation is a document, and the headings behind it in quotation marks. A
	// document without headings only has to exist. README may stand without .md
	// before a heading.
	citation = regexp.MustCompile(`([\w./-]*[\w-]\.md)\b((?:` + headings + `)?)|\b(README)\b(` + headings + `)`)
	quoted   = regexp.MustCompile(`["“]([^"”]+)["”]`)
	// address is what checkLinks looks after, or is not ours.
	address = regexp.MustCompile(`\w+://\S+|\]\([^)]*\)|(?m:^\[[^\]]+\]:.*$)`)
	// leader is what stands before the text in a line of a comment.
	leader = regexp.MustCompile(`(?m)^[ \t]*(?://+|#+|--|\*|>)`)
)

const headings = `,\s+["“][^"”]+["”](?:(?:,\s+and|,|\s+and|\s+or)\s+["“][^"”]+["”])*`

// checkCitations finds citations of documents and headings that do not exist.
func checkCitations(r *repository) (problems []problem, err error) {
	for _, name := range r.files {
		text, readable := r.texts[name]
		switch {
		case !readable:
			continue
		case path.Ext(name) == ".go":
			found, err := r.citationsInGo(name, text)
			if err != nil {
				return nil, err
			}
			problems = append(problems, found...)
		case isProse(name):
			problems = append(problems, r.citationsIn(name, text, 1)...)
		}
	}
	return problems, nil
}

// isProse says whether all of a file can cite documents. Lists of checksums and
// the like can't.
func isProse(name string) bool {
	switch path.Ext(name) {
	case ".md", ".sql", ".sh", ".yml", ".yaml", ".mjs", ".js", ".example", ".tmpl":
		return path.Base(name) != "package-lock.json"
	}
	return name == makefileName || path.Base(name) == "Dockerfile" || strings.HasPrefix(name, ".ci/")
}

// citationsInGo looks into the comments of a Go file and, unless it is a test,
// into its texts: a hint may send people to the documentation.
func (r *repository) citationsInGo(name, source string) (problems []problem, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("failed to parse %s: %w", name, err)
	}
	offset := func(pos token.Pos) int { return files.Position(pos).Offset }
	for _, group := range file.Comments {
		text := source[offset(group.Pos()):offset(group.End())]
		problems = append(problems, r.citationsIn(name, text, files.Position(group.Pos()).Line)...)
	}
	if strings.HasSuffix(name, "_test.go") {
		return problems, nil
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				line := files.Position(literal.Pos()).Line
				for _, found := range r.citationsIn(name, text, 1) {
					problems = append(problems, problem{name, line, found.text})
				}
			}
		}
		return true
	})
	return problems, nil
}

// citationsIn looks into a text that begins at a line of a file.
func (r *repository) citationsIn(name, text string, line int) (problems []problem) {
	// All replacements keep the length, so that positions stay right.
	blank := func(s string) string { return strings.Repeat(" ", len(s)) }
	clean := address.ReplaceAllStringFunc(leader.ReplaceAllStringFunc(text, blank), blank)
	for _, at := range citation.FindAllStringSubmatchIndex(clean, -1) {
		group := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return clean[at[2*n]:at[2*n+1]]
		}
		cited, quotes := group(1), group(2)
		if readme := group(3); readme != "" {
			cited, quotes = readme+".md", group(4)
		}
		for _, what := range r.badCitation(name, cited, quotes) {
			problems = append(problems, problem{name, line - 1 + lineAt(text, at[0]), what})
		}
	}
	return problems
}

// badCitation says what is wrong with a citation of a document and the headings
// in quotes.
func (r *repository) badCitation(from, cited, quotes string) (wrong []string) {
	file := path.Join(path.Dir(from), cited)
	if !r.exists(file) {
		file = path.Clean(cited)
	}
	doc := r.documents[file]
	if doc == nil {
		return []string{fmt.Sprintf("%s is cited, but a clone does not contain it; cite a document that exists by its path, such as docs/architecture.md.", cited)}
	}
	for _, heading := range quoted.FindAllStringSubmatch(quotes, -1) {
		title := strings.ReplaceAll(strings.Join(strings.Fields(heading[1]), " "), "`", "")
		if !slices.Contains(doc.headings, title) {
			wrong = append(wrong, fmt.Sprintf("%s has no heading %q; cite one of its headings.", file, title))
		}
	}
	return wrong
}
