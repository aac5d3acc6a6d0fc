package main

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var (
	// filesHeading begins the part of a document that says what each file of a
	// package contains, up to the next heading.
	filesHeading = regexp.MustCompile("^#+ The files of `([\\w/]+)`$")
	fileName     = regexp.MustCompile("`(\\w+\\.go)`")
)

// checkFileTables compares the files that docs/architecture.md lists for a
// package with those that the package has.
func checkFileTables(r *repository) (problems []problem, err error) {
	listed := make(map[string]map[string]bool) // by package
	heading := make(map[string]int)            // the lines
	within := ""
	for i, line := range strings.Split(r.texts[architectureDoc], "\n") {
		if strings.HasPrefix(line, "#") {
			within = ""
		}
		if found := filesHeading.FindStringSubmatch(line); found != nil {
			within = found[1]
			listed[within], heading[within] = make(map[string]bool), i+1
		}
		if within == "" {
			continue
		}
		for _, found := range fileName.FindAllStringSubmatch(line, -1) {
			file := path.Join(within, found[1])
			listed[within][file] = true
			if !r.exists(file) {
				problems = append(problems, problem{architectureDoc, i + 1, fmt.Sprintf("There is no file %s; remove it or correct its name.", file)})
			}
		}
	}
	for dir, files := range listed {
		for _, file := range r.goFiles(dir, false) {
			if path.Dir(file) == dir && !files[file] {
				problems = append(problems, problem{architectureDoc, heading[dir], fmt.Sprintf("The table lacks %s; say there what it contains.", file)})
			}
		}
	}
	return problems, nil
}
