package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// The documents with a duty of their own.
const (
	administrationDoc  = "docs/administration.md"
	architectureDoc    = "docs/architecture.md"
	commandsDoc        = "docs/commands.md"
	troubleshootingDoc = "docs/troubleshooting.md"
	envExample         = ".env.example"
	makefileName       = "Makefile"
	consoleList        = ".ci/commands"
	changelog          = "CHANGELOG.md"
	goldenTexts        = "relay/words/testdata/texts.golden"
)

// repository is what a clone contains. File names are relative to its root and
// use slashes.
type repository struct {
	files     []string // sorted
	texts     map[string]string
	documents map[string]*document // the Markdown files
}

// openRepository reads the files in dir that git tracks or would track.
func openRepository(ctx context.Context, dir string) (*repository, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("failed to list the files of the repository: %w", err)
	}
	return readRepository(os.DirFS(dir), strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
}

// readRepository reads files. A file that is listed but was removed is left out.
func readRepository(fsys fs.FS, files []string) (*repository, error) {
	r := &repository{texts: make(map[string]string), documents: make(map[string]*document)}
	for _, name := range files {
		data, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("failed to read a file of the repository: %w", err)
		}
		r.files = append(r.files, name)
		if bytes.IndexByte(data, 0) >= 0 || isTestData(name) && name != goldenTexts {
			continue // only its existence matters
		}
		r.texts[name] = string(data)
		if strings.HasSuffix(name, ".md") {
			r.documents[name] = parseDocument(data)
		}
	}
	slices.Sort(r.files)
	return r, nil
}

func isTestData(name string) bool { return strings.Contains("/"+name, "/testdata/") }

// exists says whether name is a file, or a directory with files in it.
func (r *repository) exists(name string) bool {
	at, found := slices.BinarySearch(r.files, name)
	if found {
		return true
	}
	return name == "." || at < len(r.files) && slices.ContainsFunc(r.files[at:], func(file string) bool {
		return strings.HasPrefix(file, name+"/")
	})
}

// goFiles are the Go files below a directory, without those of other modules
// and, unless tests is set, without tests.
func (r *repository) goFiles(below string, tests bool) (names []string) {
	for _, name := range r.files {
		_, readable := r.texts[name]
		within := below == "." || strings.HasPrefix(name, below+"/")
		if !readable || !within || path.Ext(name) != ".go" || r.inOtherModule(name) {
			continue
		}
		if tests || !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
	}
	return names
}

func (r *repository) inOtherModule(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, found := r.texts[dir+"/go.mod"]; found {
			return true
		}
	}
	return false
}

// documentNames are the names of all Markdown files, sorted.
func (r *repository) documentNames() (names []string) {
	for _, name := range r.files {
		if r.documents[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// currentDocuments are the documents that describe the present state. The
// change log also names what is gone.
func (r *repository) currentDocuments() []string {
	return slices.DeleteFunc(r.documentNames(), func(name string) bool { return name == changelog })
}

// missingFile is the problem of a file that a check needs.
func missingFile(name, purpose string) problem {
	return problem{name, 1, fmt.Sprintf("The file is missing; write it, because it has to %s.", purpose)}
}

func lineAt(text string, offset int) int { return 1 + strings.Count(text[:offset], "\n") }
