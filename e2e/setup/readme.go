// Package setup does what the README tells somebody who sets up a relay: its test reads the quick start, runs the
// commands in it as they are written, in a copy of the repository, and ends with a linked room. Only what is different
// for everybody is put in: addresses, accounts and passwords.
//
// It follows the way without Docker. `make packaging` checks what Docker runs.
package setup

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Guide is what the quick start of the README tells people to do.
type Guide struct {
	Configure []string // commands that make the configuration
	Variables []string // that are to be set in it
	Run       []string // commands that build, check and start the relay without Docker; the last one runs until it is stopped
	Typed     []string // commands that are typed on Matrix
	Answer    string   // the beginning of what the bot says when the room is linked
}

var (
	fenced      = regexp.MustCompile("(?ms)^ *```console\n(.*?)^ *```$")
	variable    = regexp.MustCompile("`([A-Z][A-Z_]+)`")
	typed       = regexp.MustCompile("Type `(!wazo [^`]+)`")
	botSays     = regexp.MustCompile(`The bot says "([^"…]+)…"`)
	configuring = regexp.MustCompile(`(?m)^\d+\. \*\*Configure:\*\* .*$`)
)

// ReadGuide finds the quick start in the text of the README. It fails if a part of it is missing, so that a quick start
// that is written in another way is noticed.
func ReadGuide(readme string) (*Guide, error) {
	_, section, found := strings.Cut(readme, "\n## Quick start\n")
	if !found {
		return nil, errors.New("the README has no section \"Quick start\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	withDocker, without, found := strings.Cut(section, "\nWithout Docker, ")
	if !found {
		return nil, errors.New("the quick start has no part \"Without Docker\"")
	}
	guide := &Guide{Run: commands(without)}
	for _, command := range commands(withDocker) {
		if !strings.HasPrefix(command, "docker ") {
			guide.Configure = append(guide.Configure, command)
		}
	}
	for _, match := range variable.FindAllStringSubmatch(configuring.FindString(withDocker), -1) {
		guide.Variables = append(guide.Variables, match[1])
	}
	for _, match := range typed.FindAllStringSubmatch(withDocker, -1) {
		guide.Typed = append(guide.Typed, match[1])
	}
	if match := botSays.FindStringSubmatch(withDocker); match != nil {
		guide.Answer = strings.TrimSpace(match[1])
	}
	if len(guide.Configure) == 0 || len(guide.Variables) == 0 || len(guide.Run) < 2 || len(guide.Typed) == 0 || guide.Answer == "" {
		return nil, fmt.Errorf("the quick start lacks a part: found only %+v", *guide)
	}
	return guide, nil
}

// commands are the commands of the console blocks in a text, in order.
func commands(text string) (list []string) {
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				list = append(list, command)
			}
		}
	}
	return list
}

// Fill sets variables in the text of an .env file as a person with an editor does: in the line of the variable, also if
// it is commented out. It fails if the file has no such line.
func Fill(env string, values map[string]string) (string, error) {
	for name, value := range values {
		line := regexp.MustCompile(`(?m)^#?` + name + `=.*$`)
		if len(line.FindAllString(env, -1)) != 1 {
			return "", fmt.Errorf("there is not exactly one line for %s", name)
		}
		env = line.ReplaceAllLiteralString(env, name+"="+value)
	}
	return env, nil
}
