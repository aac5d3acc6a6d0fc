package app

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// What the program can be asked, beside relaying. Each command may be written with and without hyphens; this is how the
// help writes it.
const (
	commandCheck       = "--check"
	commandLogin       = "login"
	commandHealthcheck = "healthcheck"
	commandRecoveryKey = "recovery-key"
	commandBackup      = "backup"           // needs the name of a file
	commandMove        = "migrate-database" // needs the name of a file and a URL
	commandVersion     = "--version"
	commandHelp        = "--help"
)

// optionEnvFile names a file with variables. It goes with every command.
const optionEnvFile = "--env-file"

// arguments are the arguments of the program.
type arguments struct {
	command string   // one of those above; empty: relay
	envFile string   // empty: there is none
	names   []string // what the command needs, see operands
}

// operands names what a command needs.
var operands = map[string]string{commandBackup: "FILE", commandMove: "FROM TO"}

// needs returns how many names a command needs.
func needs(command string) int { return len(strings.Fields(operands[command])) }

// parseArguments understands the arguments in any order. Its error carries a hint.
func parseArguments(args []string) (parsed arguments, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		option, value, hasValue := strings.Cut(arg, "=")
		switch {
		case option == optionEnvFile:
			if !hasValue && len(args) > 0 {
				value, args = args[0], args[1:]
			}
			if value == "" || parsed.envFile != "" {
				return parsed, hint(fmt.Errorf("%s needs the name of one file", optionEnvFile), "write --env-file .env")
			}
			parsed.envFile = value
		case arg == "":
			// It is like no argument.
		case len(parsed.names) < needs(parsed.command) && !strings.HasPrefix(arg, "--"):
			parsed.names = append(parsed.names, arg)
		case commandOf(arg) == "":
			return parsed, hint(fmt.Errorf("unknown argument %q", arg), "the arguments are "+argumentNames()+"; everything else is configured by environment variables")
		case parsed.command != "":
			return parsed, hint(errors.New("there are too many arguments"), "use one of "+argumentNames()+"; only --env-file goes with each of them")
		default:
			parsed.command = commandOf(arg)
		}
	}
	switch {
	case len(parsed.names) == needs(parsed.command):
		return parsed, nil
	case parsed.command == commandBackup:
		return parsed, hint(errors.New("backup needs the name of a file"), "write wazo-matrix-relay backup copy.db, or - instead of the name for standard output")
	default:
		return parsed, hint(errors.New("migrate-database needs two databases"), "write wazo-matrix-relay migrate-database relay.db postgres://relay:password@db.example.org/relay")
	}
}

// explanation is what the help says of an argument.
type explanation struct{ argument, text string }

func explanations() []explanation {
	return []explanation{
		{commandCheck, "Try everything that the relay needs, without relaying, print one line for each check, and exit with 0 or 1."},
		{commandLogin, "Log the bot in where the homeserver leaves that to an OAuth 2.0 provider: you approve it in a browser."},
		{commandHealthcheck, "Ask a running relay whether messages can be relayed, and exit with 0 or 1."},
		{commandRecoveryKey, "Print the recovery key of the bot's cryptographic identity. The relay may be running."},
		{commandBackup, "Copy the database to a file that does not exist (- is standard output). The relay may be running."},
		{commandMove, "Move the database from an SQLite file to an empty one on PostgreSQL, and compare all rows. No relay may be running."},
		{commandVersion, "Print the versions of the relay, of Go and of mautrix."},
		{commandHelp, "Print this help."},
	}
}

// commandOf returns the command that an argument names, or nothing if there is no such command.
func commandOf(arg string) string {
	for _, explained := range explanations() {
		if withoutHyphens(arg) == withoutHyphens(explained.argument) {
			return explained.argument
		}
	}
	return ""
}

func withoutHyphens(arg string) string { return strings.TrimPrefix(arg, "--") }

// argumentNames lists the arguments in a sentence.
func argumentNames() string {
	var names []string
	for _, explained := range explanations() {
		names = append(names, explained.argument)
	}
	return strings.Join(names, ", ") + " and " + optionEnvFile
}

// printHelp prints what the program can be asked.
func printHelp(w io.Writer) {
	fmt.Fprint(w, `wazo-matrix-relay relays messages between Matrix rooms and chats of Wazo Platform.

Usage: wazo-matrix-relay [--env-file FILE] [ARGUMENT]

Without an argument it relays until SIGINT or SIGTERM. The arguments are:

`)
	for _, explained := range explanations() {
		argument := strings.TrimSpace(explained.argument + " " + operands[explained.argument])
		fmt.Fprintf(w, "  %-24s %s\n", argument, explained.text)
	}
	fmt.Fprintf(w, "  %-24s %s\n", optionEnvFile+" FILE", "Read variables from a file, with any of the above. The format is that of docker run --env-file.")
	fmt.Fprint(w, `
Everything is configured by environment variables, which override those of the file.
The file .env.example explains each.
`)
}
