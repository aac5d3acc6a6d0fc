package main

import (
	"fmt"
	"regexp"
)

// node is where a figure in the language mermaid gives a node its label.
var node = regexp.MustCompile(`(\w+)(?:\[\(|\[\[|\(\[|\(\(|\[|\{|\()"([^"]*)"`)

// checkFigures finds nodes of figures that are labelled twice. mermaid draws them
// as one node, so that the figure shows a way that does not exist.
func checkFigures(r *repository) (problems []problem, err error) {
	for _, name := range r.documentNames() {
		for _, block := range r.documents[name].blocks {
			if block.language != "mermaid" {
				continue
			}
			labels := make(map[string]string)
			for _, line := range block.lines {
				for _, found := range node.FindAllStringSubmatch(line.text, -1) {
					if before, labelled := labels[found[1]]; labelled {
						problems = append(problems, problem{name, line.line, fmt.Sprintf("The node %q of the figure has the label %q and the label %q; give one of them another name.", found[1], before, found[2])})
					}
					labels[found[1]] = found[2]
				}
			}
		}
	}
	return problems, nil
}
