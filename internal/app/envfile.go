package app

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/docker/cli/pkg/kvfile"
)

// withEnvFile returns the variables of a file and those of the environment. The environment overrides the file, also
// with an empty value. The error joins all mistakes in the file, each with its line and a hint.
//
// The file is read by the parser of Docker, so that it means the same with `docker run --env-file`. That parser takes
// every value as it stands. Other libraries for such files, like godotenv, take off quotation marks, cut off what
// follows a # and replace $ and \, so passwords with these characters would be right in one way of running the relay
// and wrong in the other.
//
// Variables that are not the relay's own, such as TZ and HTTPS_PROXY, are read from the process by libraries. So what
// comes from the file is set there, too, as Docker does. This must happen before a library reads it.
func withEnvFile(environ []string, file string) ([]string, error) {
	if file == "" {
		return environ, nil
	}
	fromFile, err := readEnvFile(file)
	if err != nil {
		return nil, err
	}
	set := env.ToMap(environ)
	for _, variable := range fromFile {
		name, value, _ := strings.Cut(variable, "=")
		if _, overridden := set[name]; overridden {
			continue
		}
		if err = os.Setenv(name, value); err != nil {
			return nil, hint(fmt.Errorf("failed to set %s of %s: %w", name, file, err), envFileHint)
		}
	}
	return append(fromFile, environ...), nil
}

const envFileHint = "write one NAME=value on each line, without export, without spaces beside the = and without quotation marks; write comments on lines of their own"

// readEnvFile reads the lines of a file one by one, because the errors of the parser repeat the line, which may contain
// a secret, and do not say which line it is.
func readEnvFile(file string) (variables []string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, hint(fmt.Errorf("failed to read the file of --env-file: %w", err), "set --env-file to the name of a file that the relay may read")
	}
	var mistakes []error
	before := "" // what makes the parser see that a line is not the first one, which may have a byte order mark
	for i, line := range strings.Split(string(data), "\n") {
		parsed, err := kvfile.ParseFromReader(strings.NewReader(before+line), nil)
		if err == nil && strings.Contains(line, "\x00") {
			err = errors.New("a variable cannot contain a zero byte")
		}
		if err != nil {
			mistakes = append(mistakes, hint(fmt.Errorf("%s:%d: the line is not a variable with its value", file, i+1), envFileHint))
		}
		variables = append(variables, parsed...)
		before = "\n"
	}
	return variables, errors.Join(mistakes...)
}
