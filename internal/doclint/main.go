package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() { os.Exit(run(context.Background(), ".", os.Stdout, os.Stderr)) }

// run checks the repository in dir and returns the exit code: 0 if all is well,
// 1 if there are problems, 2 if the check could not be done.
func run(ctx context.Context, dir string, stdout, stderr io.Writer) int {
	repo, err := openRepository(ctx, dir)
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 2
	}
	problems, err := lint(repo)
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 2
	}
	for _, problem := range problems {
		fmt.Fprintln(stdout, problem)
	}
	if len(problems) > 0 {
		return 1
	}
	return 0
}

// problem is one thing to repair.
type problem struct {
	file string
	line int
	text string // what is wrong and what to do, as a full sentence
}

func (p problem) String() string { return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.text) }

// lint runs all checks. Its problems are sorted by file and line.
func lint(repo *repository) ([]problem, error) {
	var all []problem
	for _, check := range []func(*repository) ([]problem, error){
		checkCitations, checkLinks, checkVariables, checkBotCommands, checkTargets, checkConsole,
		checkFigures, checkFileTables, checkQuotes, checkLogLines,
	} {
		problems, err := check(repo)
		if err != nil {
			return nil, err
		}
		all = append(all, problems...)
	}
	slices.SortStableFunc(all, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	return all, nil
}
