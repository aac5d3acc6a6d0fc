package main

import (
	"fmt"
	"slices"
	"strings"
)

// checkConsole compares the commands in the console blocks of the documents, and
// the targets of the Makefile, with the list of what CI does with each.
func checkConsole(r *repository) (problems []problem, err error) {
	list, listed := r.texts[consoleList]
	if !listed {
		return []problem{missingFile(consoleList, "say what CI does with each command that a document shows")}, nil
	}
	entries := listEntries(list)
	shown := make(map[string]bool)
	show := func(file string, command snippet) {
		shown[command.text] = true
		if !slices.ContainsFunc(entries, func(entry snippet) bool { return entry.text == command.text }) {
			problems = append(problems, problem{file, command.line, fmt.Sprintf("The command %q is not in %s; say there what CI does with it.", command.text, consoleList)})
		}
	}
	for _, target := range makeTargets(r.texts[makefileName]) {
		if target.helped {
			show(makefileName, snippet{"make " + target.name, target.line})
		}
	}
	for _, name := range r.currentDocuments() {
		for _, block := range r.documents[name].blocks {
			for _, command := range consoleCommands(block) {
				show(name, command)
			}
		}
	}
	for _, entry := range entries {
		if !shown[entry.text] {
			problems = append(problems, problem{consoleList, entry.line, fmt.Sprintf("No document shows the command %q; remove it, or correct it.", entry.text)})
		}
	}
	return problems, nil
}

// listEntries are the commands of the list, whose format its head explains.
func listEntries(list string) (entries []snippet) {
	for i, line := range strings.Split(list, "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			entries = append(entries, snippet{strings.TrimSpace(command), i + 1})
		}
	}
	return entries
}

// consoleCommands are the commands of a block: in one of the language console,
// the lines with a prompt; in a shell's, every line. A backslash at the end of a
// line continues it, and a comment is left out.
func consoleCommands(b block) (commands []snippet) {
	prompt := ""
	switch b.language {
	case "console":
		prompt = "$ "
	case "sh", "bash", "shell":
	default:
		return nil
	}
	for i := 0; i < len(b.lines); i++ {
		line, isCommand := strings.CutPrefix(b.lines[i].text, prompt)
		number := b.lines[i].line
		for strings.HasSuffix(line, `\`) && i+1 < len(b.lines) {
			i++
			line = strings.TrimRight(strings.TrimSuffix(line, `\`), " ") + " " + strings.TrimSpace(b.lines[i].text)
		}
		line, _, _ = strings.Cut(" "+line, " #")
		if line = strings.TrimSpace(line); isCommand && line != "" {
			commands = append(commands, snippet{line, number})
		}
	}
	return commands
}
