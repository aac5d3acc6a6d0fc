package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	target     = regexp.MustCompile(`^([a-z][a-z0-9_-]*):[^=].*## \S|^([a-z][a-z0-9_-]*):(?:[^=]|$)`)
	makeWords  = regexp.MustCompile(`(?:^|[;&|(]\s*|\$ )make((?:[ \t]+[^\s;&|()#]+)*)`)
	targetName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
)

// makeTarget is a target of the Makefile.
type makeTarget struct {
	name   string
	line   int
	helped bool // has a text for `make help`
}

// checkTargets compares the targets of the Makefile with those that the
// documents name.
func checkTargets(r *repository) (problems []problem, err error) {
	targets := makeTargets(r.texts[makefileName])
	exists := make(map[string]bool)
	for _, target := range targets {
		exists[target.name] = true
	}
	named := make(map[string]bool)
	for _, name := range r.currentDocuments() {
		for _, code := range r.documents[name].allCode() {
			for _, word := range targetsIn(code.text) {
				named[word] = true
				if !exists[word] {
					problems = append(problems, problem{name, code.line, fmt.Sprintf("The Makefile has no target %q; remove it or correct its name.", word)})
				}
			}
		}
	}
	for _, target := range targets {
		if target.helped && !named[target.name] {
			problems = append(problems, problem{makefileName, target.line, fmt.Sprintf("No document names `make %s`; explain it in one.", target.name)})
		}
	}
	return problems, nil
}

func makeTargets(makefile string) (targets []makeTarget) {
	for i, line := range strings.Split(makefile, "\n") {
		if found := target.FindStringSubmatch(line); found != nil {
			targets = append(targets, makeTarget{found[1] + found[2], i + 1, found[1] != ""})
		}
	}
	return targets
}

// targetsIn are the targets of the calls of make in a piece of code.
func targetsIn(code string) (targets []string) {
	for _, call := range makeWords.FindAllStringSubmatch(code, -1) {
		for _, word := range strings.Fields(call[1]) {
			if targetName.MatchString(word) {
				targets = append(targets, word)
			}
		}
	}
	return targets
}
