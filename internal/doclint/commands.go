package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// prefix begins the bot's commands unless an administrator chooses another word.
const prefix = "!wazo"

// commandFunction is the function below bot/ that lists the bot's commands.
const commandFunction = "commandList"

var typedCommand = regexp.MustCompile(regexp.QuoteMeta(prefix) + `[ \t]+([a-z][a-z-]*)`)

// checkBotCommands compares the commands that the bot knows with those that the
// documents name.
func checkBotCommands(r *repository) (problems []problem, err error) {
	commands, err := botCommands(r)
	if err != nil {
		return nil, err
	}
	if len(commands) == 0 {
		return []problem{{"bot", 1, "No function named " + commandFunction + " lists the bot's commands; keep it, or teach internal/doclint where they are."}}, nil
	}
	exists := make(map[string]bool)
	for _, command := range commands {
		exists[command.name] = true
	}
	documented := make(map[string]bool)
	for _, name := range r.currentDocuments() {
		for _, code := range r.documents[name].allCode() {
			for _, typed := range typedCommand.FindAllStringSubmatch(code.text, -1) {
				if !exists[typed[1]] {
					problems = append(problems, problem{name, code.line, fmt.Sprintf("The bot has no command %q; remove it or correct its name.", prefix+" "+typed[1])})
				} else if name == commandsDoc {
					documented[typed[1]] = true
				}
			}
		}
	}
	if !r.exists(commandsDoc) {
		return append(problems, missingFile(commandsDoc, "explain the bot's commands")), nil
	}
	for _, command := range commands {
		if !documented[command.name] {
			problems = append(problems, problem{command.file, command.line, fmt.Sprintf("The command %q is not in %s; explain it there.", prefix+" "+command.name, commandsDoc)})
		}
	}
	return problems, nil
}

// allCode are all code spans and lines of code blocks.
func (d *document) allCode() []snippet {
	all := append([]snippet(nil), d.codes...)
	for _, block := range d.blocks {
		all = append(all, block.lines...)
	}
	return all
}

// botCommand is a command that the bot knows.
type botCommand struct {
	name, file string
	line       int
}

// botCommands finds the list in the function commandList: composite literals
// whose first value is the command's name.
func botCommands(r *repository) (commands []botCommand, err error) {
	for _, name := range r.goFiles("bot", false) {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, r.texts[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("failed to parse %s: %w", name, err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Name.Name != commandFunction {
				continue
			}
			ast.Inspect(function, func(node ast.Node) bool {
				literal, ok := node.(*ast.CompositeLit)
				if !ok || len(literal.Elts) == 0 {
					return true
				}
				if command := firstString(literal.Elts[0]); command != "" {
					commands = append(commands, botCommand{command, name, files.Position(literal.Pos()).Line})
					return false
				}
				return true
			})
		}
	}
	return commands, nil
}

// firstString is the text of a value or of a field's value, "" if it is none.
func firstString(value ast.Expr) string {
	if pair, ok := value.(*ast.KeyValueExpr); ok {
		value = pair.Value
	}
	if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		return strings.Trim(literal.Value, "\"`")
	}
	return ""
}
