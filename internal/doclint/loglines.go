package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
)

// logLine is a code span that is a sentence.
var logLine = regexp.MustCompile(`^[A-Z][a-z']* [\w', ;-]+$`)

// checkLogLines finds lines of the log in docs/troubleshooting.md that the
// program does not write.
func checkLogLines(r *repository) (problems []problem, err error) {
	doc := r.documents[troubleshootingDoc]
	if doc == nil {
		return nil, nil // checkQuotes says so
	}
	written, err := logTexts(r)
	if err != nil {
		return nil, err
	}
	for _, code := range doc.codes {
		if logLine.MatchString(code.text) && !written[code.text] {
			problems = append(problems, problem{troubleshootingDoc, code.line, fmt.Sprintf("The program logs no line %q; quote a text that it passes to Msg.", code.text)})
		}
	}
	return problems, nil
}

// logTexts are the texts that the program passes to the method Msg of zerolog.
func logTexts(r *repository) (map[string]bool, error) {
	texts := make(map[string]bool)
	for _, name := range r.goFiles(".", false) {
		file, err := parser.ParseFile(token.NewFileSet(), name, r.texts[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("failed to parse %s: %w", name, err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			literal, isLiteral := call.Args[0].(*ast.BasicLit)
			if !ok || method.Sel.Name != "Msg" || !isLiteral {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err == nil {
				texts[text] = true
			}
			return true
		})
	}
	return texts, nil
}
