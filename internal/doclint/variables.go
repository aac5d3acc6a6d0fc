package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

var (
	exampleLine  = regexp.MustCompile(`^#?([A-Z][A-Z0-9_]*)=`)
	assignment   = regexp.MustCompile(`(?:^|[\s"'])([A-Z][A-Z0-9_]*)=`)
	variableName = regexp.MustCompile(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$`)
	// foreign are variables that documents may name although they are not part of
	// the configuration: the first stands for the file of any secret, the second is
	// an argument of the build of the image, the others are conventions that the
	// Go libraries or the program follow.
	foreign = map[string]bool{
		"NAME_FILE": true, "VERSION": true, "TZ": true, "TMPDIR": true, "HTTP_PROXY": true, "HTTPS_PROXY": true, "NO_PROXY": true,
		"SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "NO_COLOR": true,
	}
)

// variable is an environment variable that the program reads.
type variable struct {
	name, file string
	line       int
}

// program is what the program's sources say of its variables.
type program struct {
	variables []variable
	secrets   map[string]bool // can be given as a file, by the name with _FILE
}

func (p program) reads(name string) bool {
	for _, v := range p.variables {
		if v.name == name {
			return true
		}
	}
	secret, isFile := strings.CutSuffix(name, "_FILE")
	return isFile && p.secrets[secret]
}

// checkVariables compares the variables that the program reads with those that
// are documented.
func checkVariables(r *repository) (problems []problem, err error) {
	read, err := readProgram(r)
	if err != nil {
		return nil, err
	}
	for _, documented := range []struct {
		file  string
		names func(*repository) []snippet
	}{{envExample, exampleNames}, {administrationDoc, administrationNames}} {
		if !r.exists(documented.file) {
			problems = append(problems, missingFile(documented.file, "explain the variables"))
			continue
		}
		problems = append(problems, compareVariables(read, documented.file, documented.names(r))...)
	}
	return problems, nil
}

func compareVariables(read program, file string, names []snippet) (problems []problem) {
	named := make(map[string]bool)
	for _, name := range names {
		named[name.text] = true
		if !read.reads(name.text) && !foreign[name.text] {
			problems = append(problems, problem{file, name.line, fmt.Sprintf("The program reads no variable %s; remove it or correct its name.", name.text)})
		}
	}
	for _, v := range read.variables {
		if !named[v.name] {
			problems = append(problems, problem{v.file, v.line, fmt.Sprintf("The variable %s is not in %s; explain it there.", v.name, file)})
			named[v.name] = true // say it once
		}
	}
	return problems
}

// exampleNames are the variables that .env.example sets, also in a comment.
func exampleNames(r *repository) (names []snippet) {
	for i, line := range strings.Split(r.texts[envExample], "\n") {
		if found := exampleLine.FindStringSubmatch(line); found != nil {
			names = append(names, snippet{found[1], i + 1})
		}
	}
	return names
}

// administrationNames are the variables in the document for administrators:
// code spans that look like one, with an underscore or as a table's first cell
// or with a value, single words that are known to be one, and what a code block
// sets.
func administrationNames(r *repository) (names []snippet) {
	doc := r.documents[administrationDoc]
	rows := make(map[snippet]bool)
	for _, cell := range doc.cells {
		rows[cell] = true
	}
	known := make(map[string]bool)
	for _, name := range exampleNames(r) {
		known[name.text] = true
	}
	for _, span := range doc.codes {
		name, _, hasValue := strings.Cut(span.text, "=")
		isError := strings.HasPrefix(name, "M_") // of Matrix
		if !variableName.MatchString(name) || isError {
			continue
		}
		if strings.Contains(name, "_") || hasValue || rows[span] || known[name] {
			names = append(names, snippet{name, span.line})
		}
	}
	for _, block := range doc.blocks {
		for _, line := range block.lines {
			for _, found := range assignment.FindAllStringSubmatch(line.text, -1) {
				names = append(names, snippet{found[1], line.line})
			}
		}
	}
	return names
}

// readProgram finds the variables in the tags of the program's structs: env has
// the name, and secret says that it can also be given as a file.
func readProgram(r *repository) (program, error) {
	p := program{secrets: make(map[string]bool)}
	for _, name := range r.goFiles(".", false) {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, r.texts[name], parser.SkipObjectResolution)
		if err != nil {
			return p, fmt.Errorf("failed to parse %s: %w", name, err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			field, ok := node.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			text, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				return true // the compiler will say so
			}
			tag := reflect.StructTag(text)
			if variableName, _, _ := strings.Cut(tag.Get("env"), ","); variableName != "" {
				p.variables = append(p.variables, variable{variableName, name, files.Position(field.Pos()).Line})
				p.secrets[variableName] = tag.Get("secret") != ""
			}
			return true
		})
	}
	return p, nil
}
