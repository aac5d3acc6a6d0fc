package words

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pageTexts renders what the log-in page says besides the sentences in texts.golden, and what the help says of each
// command. They have a file of their own because docs/troubleshooting.md need not explain them.
func pageTexts() string {
	var b strings.Builder
	b.WriteString("# Written by go test ./relay/words -update. Every text of the log-in page, and of the commands in the help.\n\n")
	text := func(name, said string) { fmt.Fprintf(&b, "%s\n    %s\n", name, said) }
	const user = "@robin_s:a.example"
	text("LoginFormWindow LoginFormTitle", golden.LoginFormWindow(LoginFormTitle, false))
	text("LoginFormWindow LoginFormTitle LoginFormError", golden.LoginFormWindow(LoginFormTitle, true))
	text("LoginFormDone", golden.Say(LoginFormDone))
	text("LoginFormRefused", golden.Say(LoginFormRefused))
	text("LoginFormExplained", golden.LoginFormExplained(user))
	text("LoginFormWarning", golden.LoginFormWarning(user))
	text("LoginFormPromise", golden.LoginFormPromise())
	text("LoginFormLoggedIn", golden.LoginFormLoggedIn(user, WazoUser{Name: "Alice *Martin*", Username: "alice_m"}))
	text("LoginFormClose", golden.LoginFormClose())
	page, err := os.ReadFile(pageFile)
	if err != nil {
		panic(err)
	}
	phrases, _ := pageSentences(string(page))
	for _, phrase := range phrases {
		text("the page", golden.Say(Phrase(phrase.english)))
	}
	return b.String()
}

// commandTexts renders what the help says of each command.
func commandTexts(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, s := range commandSentences(t) {
		fmt.Fprintf(&b, "the help\n    %s\n", golden.Say(Phrase(s.english)))
	}
	require.NotEmpty(t, b.String())
	return b.String()
}

func TestEveryTextOfThePageAndTheCommandsIsAsReviewed(t *testing.T) {
	compareGolden(t, "page", func() string { return pageTexts() + commandTexts(t) })
}
