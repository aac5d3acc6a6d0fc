package main

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// checkLinks finds relative links and anchors that lead nowhere.
func checkLinks(r *repository) (problems []problem, err error) {
	for _, name := range r.documentNames() {
		for _, link := range r.documents[name].links {
			if what := r.brokenLink(name, link.text); what != "" {
				problems = append(problems, problem{name, link.line, what})
			}
		}
	}
	return problems, nil
}

// brokenLink says what is wrong with a link in a document, "" if nothing is.
func (r *repository) brokenLink(from, link string) string {
	target, err := url.Parse(link)
	if err != nil {
		return fmt.Sprintf("The link %q cannot be read: %v; correct it.", link, err)
	}
	if target.IsAbs() || target.Host != "" {
		return ""
	}
	file := from
	if strings.HasPrefix(target.Path, "/") {
		file = strings.TrimPrefix(path.Clean(target.Path), "/")
	} else if target.Path != "" {
		file = path.Join(path.Dir(from), target.Path)
	}
	if !r.exists(file) {
		return fmt.Sprintf("The link %q leads to %s, which does not exist; correct the link.", link, file)
	}
	if doc := r.documents[file]; target.Fragment != "" && doc != nil && !doc.anchors[target.Fragment] {
		return fmt.Sprintf("The link %q leads to no heading of %s; correct what stands behind the #.", link, file)
	}
	return ""
}
