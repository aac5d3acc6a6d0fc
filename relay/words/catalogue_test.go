package words

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where sentences stand besides this package.
const (
	commandsFile = "../../bot/commands.go"
	pageFile     = "../../bot/login/page.html"
)

// sentence is an English sentence that the program says.
type sentence struct {
	english string
	one     string // its English for one thing, if it counts; else ""
	where   string
}

// sentences are all sentences of this package, of the bot's commands and of the log-in page.
func sentences(t *testing.T) (all []sentence) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		found, stray, err := sentencesIn(file, string(data))
		require.NoError(t, err)
		all = append(all, found...)
		for _, where := range stray {
			assert.Fail(t, "a sentence is not said by say, count or a Phrase, so it cannot be translated", where)
		}
	}
	all = append(all, commandSentences(t)...)
	page, err := os.ReadFile(pageFile)
	require.NoError(t, err)
	found, stray := pageSentences(string(page))
	for _, text := range stray {
		assert.Fail(t, "the page shows a text that is not said by Say, so it cannot be translated", text)
	}
	return append(all, found...)
}

// sentencesIn finds the sentences in a file of this package, and the places of those that are not said in a way in
// which they can be translated.
func sentencesIn(name, source string) (found []sentence, stray []string, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	seen := make(map[ast.Node]bool) // literals that are said, or are no sentences
	skip := func(node ast.Node) {
		ast.Inspect(node, func(n ast.Node) bool { seen[n] = true; return true })
	}
	say := func(one, english ast.Expr) {
		s := sentence{where: files.Position(english.Pos()).String()}
		var ok, isOne bool
		if s.english, ok = folded(english); one != nil {
			s.one, isOne = folded(one)
			ok = ok && isOne
			skip(one)
		}
		skip(english)
		if !ok {
			stray = append(stray, s.where+": what is said must be a literal")
			return
		}
		found = append(found, s)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.ImportSpec:
			skip(n)
		case *ast.CallExpr:
			called := ""
			switch fun := n.Fun.(type) {
			case *ast.SelectorExpr:
				called = fun.Sel.Name
			case *ast.Ident:
				called = fun.Name
			}
			switch {
			case called == "say" && len(n.Args) > 0:
				say(nil, n.Args[0])
			case called == "count" && len(n.Args) > 2:
				say(n.Args[1], n.Args[2])
			case called == "panic":
				skip(n)
			}
		case *ast.ValueSpec:
			kind, ok := n.Type.(*ast.Ident)
			if !ok {
				break
			}
			for _, value := range n.Values {
				if kind.Name == "Phrase" {
					say(nil, value)
				} else {
					skip(value) // the codes of reasons and languages
				}
			}
		case *ast.CompositeLit:
			if list, ok := n.Type.(*ast.ArrayType); ok {
				if kind, ok := list.Elt.(*ast.Ident); ok && kind.Name == "Phrase" {
					for _, element := range n.Elts {
						say(nil, element)
					}
				}
			}
		case *ast.CaseClause:
			for _, value := range n.List {
				skip(value) // what others said
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				skip(n)
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && !seen[n] && isSentence(n) {
				stray = append(stray, files.Position(n.Pos()).String()+": "+n.Value)
			}
		}
		return true
	})
	return found, stray, nil
}

// folded returns the text of a constant expression of string literals.
func folded(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := folded(e.X)
		right, ok2 := folded(e.Y)
		return left + right, ok && ok2 && e.Op == token.ADD
	case *ast.ParenExpr:
		return folded(e.X)
	default:
		return "", false
	}
}

// notSaid are literals with letters that nobody reads as words.
var notSaid = []string{BotName, "Matrix", "Wazo", "https://matrix.to/#/", "unavailable"}

// isSentence reports whether a literal has words in it, besides placeholders.
func isSentence(literal *ast.BasicLit) bool {
	text, err := strconv.Unquote(literal.Value)
	if err != nil || slices.Contains(notSaid, text) {
		return false
	}
	return regexp.MustCompile(`\pL{2,}`).MatchString(verb.ReplaceAllString(text, ""))
}

// commandSentences are how the commands are used, and what they do.
func commandSentences(t *testing.T) (all []sentence) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, commandsFile, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Name.Name != "commandList" {
			continue
		}
		ast.Inspect(function, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || literal.Type != nil || len(literal.Elts) < 3 {
				return true
			}
			name, _ := folded(literal.Elts[0])
			for _, element := range literal.Elts[1:3] {
				text, ok := folded(element)
				require.True(t, ok, "the usage and the help of %s must be literals", name)
				if text != name { // a command without arguments is the same in each language
					all = append(all, sentence{english: text, where: files.Position(element.Pos()).String()})
				}
			}
			return true
		})
	}
	require.NotEmpty(t, all)
	return all
}

// pageSentences are the phrases in the template of a page, and the texts in it that are no phrases.
func pageSentences(template string) (found []sentence, stray []string) {
	for _, match := range regexp.MustCompile(`\.Say "((?:[^"\\]|\\.)*)"`).FindAllStringSubmatch(template, -1) {
		found = append(found, sentence{english: match[1], where: pageFile})
	}
	shown := regexp.MustCompile(`(?s)\{\{.*?\}\}|<style>.*?</style>`).ReplaceAllString(template, "")
	for _, attribute := range regexp.MustCompile(`\b(?:title|alt|placeholder|aria-label)="([^"]*)"`).FindAllStringSubmatch(shown, -1) {
		stray = append(stray, attribute[1])
	}
	for text := range strings.Lines(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(shown, "\n")) {
		if text = strings.TrimSpace(text); regexp.MustCompile(`\pL`).MatchString(text) {
			stray = append(stray, text)
		}
	}
	return found, slices.DeleteFunc(stray, func(text string) bool { return !regexp.MustCompile(`\pL`).MatchString(text) })
}

// verb matches a placeholder of a format.
var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[-+# 0]*(?:\d+)?(?:\.\d+)?([a-zA-Z%])`)

// placeholders returns which arguments a format shows, and how.
func placeholders(format string) (all []string) {
	next := 1
	for _, match := range verb.FindAllStringSubmatch(format, -1) {
		if match[2] == "%" {
			continue
		}
		if match[1] != "" {
			next, _ = strconv.Atoi(match[1])
		}
		all = append(all, fmt.Sprintf("%d%s", next, match[2]))
		next++
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// code matches what is shown as code in a text, and what in it stands for something that people put in.
var (
	codeSpan = regexp.MustCompile("`[^`]*`")
	variable = regexp.MustCompile(`<[^>]*>|\[[^\]]*\]|"[^"]*"`)
)

// commandsIn returns what is shown as code: commands and options, which are the same in each language.
func commandsIn(text string) (all []string) {
	for _, code := range codeSpan.FindAllString(text, -1) {
		code = verb.ReplaceAllString(variable.ReplaceAllString(code, "…"), "%")
		if !slices.ContainsFunc(examples, func(example string) bool { return strings.Contains(code, example) }) {
			all = append(all, code)
		}
	}
	slices.Sort(all)
	return all
}

// examples are in code, and translated all the same.
var examples = []string{"presence away"}

// findings are what is wrong with the translations of sentences.
func findings(all []sentence, translations map[string][]string) (wrong []string) {
	for _, s := range all {
		report := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("%s: %q ", s.where, s.english)+fmt.Sprintf(format, args...))
		}
		forms, ok := translations[s.english]
		want := 1
		if s.one != "" {
			want = 2
			if !slices.Equal(placeholders(s.one), placeholders(s.english)) {
				report("has other placeholders than %q", s.one)
			}
		}
		if !ok {
			report("has no translation")
			continue
		} else if len(forms) != want {
			report("has %d translations and needs %d: for one thing, and for several", len(forms), want)
		}
		for _, form := range forms {
			switch {
			case strings.TrimSpace(form) == "":
				report("has an empty translation")
			case !slices.Equal(placeholders(form), placeholders(s.english)):
				report("has other placeholders than its translation %q", form)
			case !slices.Equal(commandsIn(form), commandsIn(s.english)):
				report("has other commands than its translation %q", form)
			case strings.Count(form, "**") != strings.Count(s.english, "**"):
				report("has other bold type than its translation %q", form)
			}
		}
	}
	return wrong
}

func TestEverySentenceIsTranslated(t *testing.T) {
	all := sentences(t)
	for language, translations := range catalogues() {
		for _, wrong := range findings(all, translations) {
			assert.Fail(t, string(language)+": "+wrong)
		}
		for english := range translations {
			said := slices.ContainsFunc(all, func(s sentence) bool { return s.english == english })
			assert.True(t, said, "%s: nobody says %q any more", language, english)
		}
	}
}

// The test above must notice what it is for.
func TestMissingTranslationsAreNoticed(t *testing.T) {
	t.Run("in the package", func(t *testing.T) {
		found, stray, err := sentencesIn("new.go", "package words\n\nfunc (t Texts) New() string { return t.say(\"A new \" + \"sentence.\") }\n\nconst News Phrase = \"news\"\n\n"+
			"func (t Texts) Counted(n int) string { return t.count(n, \"%d new\", \"%d news\") }\n\nfunc Stray() string { return \"Not said.\" }\n\n"+
			"func (t Texts) Any(text string) string { return t.say(text) }\n")
		require.NoError(t, err)
		require.Len(t, stray, 2)
		require.Contains(t, stray[0], "Not said.")
		require.Contains(t, stray[1], "must be a literal")
		wrong := findings(found, map[string][]string{"%d news": {"%d nouvelle"}})
		require.Len(t, wrong, 3)
		require.Contains(t, wrong[0], `"A new sentence." has no translation`)
		require.Contains(t, wrong[1], `"news" has no translation`)
		require.Contains(t, wrong[2], `"%d news" has 1 translations and needs 2`)
	})
	t.Run("in the page", func(t *testing.T) {
		found, stray := pageSentences(`<p class="x">{{.Say "Said."}} {{.Name}}</p><p title="Tip">Not said.</p>`)
		require.Equal(t, []sentence{{english: "Said.", where: pageFile}}, found)
		require.Equal(t, []string{"Tip", "Not said."}, stray)
	})
	for _, test := range []struct{ name, english, translation, want string }{
		{"a placeholder is missing", "%s is %d", "%s est", "other placeholders"},
		{"a placeholder is another one", "%s is %d", "%s est %s", "other placeholders"},
		{"placeholders are swapped", "%s and %d", "%[2]d et %[1]s", ""},
		{"placeholders are swapped without numbers", "%s and %d", "%d et %s", "other placeholders"},
		{"one is shown twice", "%[1]s, %[1]s", "%s", ""},
		{"a command is translated", "type `%s link`", "tapez `%s lier`", "other commands"},
		{"an argument of a command is translated", "type `%s link <name>`", "tapez `%s link <nom>`", ""},
		{"bold type is missing", "**%s** is", "%s est", "other bold type"},
		{"nothing is there", "all", " ", "empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wrong := strings.Join(findings([]sentence{{english: test.english}}, map[string][]string{test.english: {test.translation}}), "\n")
			if test.want == "" {
				require.Empty(t, wrong)
			}
			require.Contains(t, wrong, test.want)
		})
	}
}
