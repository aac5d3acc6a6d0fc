package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// files are a repository: names and texts.
type files map[string]string

func (f files) open(t *testing.T) *repository {
	t.Helper()
	fsys := make(fstest.MapFS)
	for name, text := range f {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	repo, err := readRepository(fsys, slices.Sorted(maps.Keys(fsys)))
	require.NoError(t, err)
	return repo
}

// row is a repository and the problems that a check finds in it.
type row struct {
	name  string
	files files
	want  []string
}

func runRows(t *testing.T, check func(*repository) ([]problem, error), common files, rows []row) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			all := maps.Clone(common)
			if all == nil {
				all = make(files)
			}
			maps.Copy(all, row.files)
			problems, err := check(all.open(t))
			require.NoError(t, err)
			var lines []string
			for _, problem := range problems {
				lines = append(lines, problem.String())
			}
			require.Equal(t, row.want, lines)
		})
	}
}

const (
	notInClone = " is cited, but a clone does not contain it; cite a document that exists by its path, such as docs/architecture.md."
	citeOther  = "; cite one of its headings."
)

func TestCitations(t *testing.T) {
	common := files{"docs/wazo.md": "# Wazo\n\n## Rooms and members\n\n## The `created_at` field\n", "README.md": "# Relay\n\n## The key\n"}
	runRows(t, checkCitations, common, []row{
		{"a document and its heading exist", files{"a.go": "package a // docs/wazo.md, \"Rooms and members\"\n"}, nil},
		{"a document without a heading", files{"a.go": "package a // as docs/wazo.md says\n"}, nil},
		{"markup in a heading does not count", files{"a.go": "package a // docs/wazo.md, \"The created_at field\"\n"}, nil},
		{"a heading is missing", files{"a.go": "package a\n\n// docs/wazo.md, \"Calls\"\n"}, []string{`a.go:3: docs/wazo.md has no heading "Calls"` + citeOther}},
		{
			"several headings, one of them missing",
			files{"a.go": "package a\n\n// See docs/wazo.md, \"Rooms and members\", \"Calls\" and \"Wazo\".\n"},
			[]string{`a.go:3: docs/wazo.md has no heading "Calls"` + citeOther},
		},
		{
			"several documents in a sentence",
			files{"a.go": "package a\n\n// docs/wazo.md, \"Wazo\"; docs/matrix.md, \"Sync\"; and docs/wazo.md, \"x\"\n"},
			[]string{"a.go:3: docs/matrix.md" + notInClone, `a.go:3: docs/wazo.md has no heading "x"` + citeOther},
		},
		{
			"a citation goes on in the next line of a comment",
			files{"a.go": "package a\n\nfunc f() {\n\t// This is the rule of docs/wazo.md, \"Rooms\n\t// and members\" and\n\t// \"Calls\".\n}\n"},
			[]string{`a.go:4: docs/wazo.md has no heading "Calls"` + citeOther},
		},
		{"a document that a clone does not contain", files{"bot/a.go": "package a // (gone.md 0)\n"}, []string{"bot/a.go:1: gone.md" + notInClone}},
		{"a hint of the program", files{"a.go": "package a\n\nvar x = `see docs/gone.md`\n"}, []string{"a.go:3: docs/gone.md" + notInClone}},
		{"texts of tests are free", files{"a_test.go": "package a\n\nvar x = \"docs/gone.md\"\n"}, nil},
		{"comments of tests are not", files{"a_test.go": "package a // docs/gone.md\n"}, []string{"a_test.go:1: docs/gone.md" + notInClone}},
		{"test data is free", files{"a/testdata/b.md": "docs/gone.md"}, nil},
		{"an address is none", files{"a.go": "package a // https://example.org/gone.md\n"}, nil},
		{"links are another check's matter", files{"a.md": "[x](gone.md) and [y]\n\n[y]: gone.md\n"}, nil},
		{"a neighbour in the same directory", files{"docs/matrix.md": "See wazo.md, \"Wazo\"."}, nil},
		{"the README without its ending", files{".env.example": "# see README, \"The key\" and \"The lock\"\n"}, []string{`.env.example:1: README.md has no heading "The lock"` + citeOther}},
		{"a comment in SQL", files{"db/1.sql": "SELECT 1;\n-- docs/wazo.md, \"Rooms\n-- and rights\"\n"}, []string{`db/1.sql:2: docs/wazo.md has no heading "Rooms and rights"` + citeOther}},
		{"typographic quotation marks", files{"docs/a.md": "docs/wazo.md, “Gone”"}, []string{`docs/a.md:1: docs/wazo.md has no heading "Gone"` + citeOther}},
	})
}

func TestLinks(t *testing.T) {
	common := files{"docs/wazo.md": "# Wazo: rooms & `chats`\n\n## Again\n\n## Again\n\n<a id=\"own\"></a>\n", "e2e/main.go": "package main\n"}
	const correct, behind = "; correct the link.", "; correct what stands behind the #."
	runRows(t, checkLinks, common, []row{
		{"a file", files{"a.md": "[x](docs/wazo.md)"}, nil},
		{"a directory", files{"a.md": "[x](e2e) [y](e2e/) [z](.)"}, nil},
		{"from the root", files{"docs/a.md": "[x](/e2e/main.go)"}, nil},
		{"upwards", files{"docs/a.md": "[x](../e2e/main.go) [y](wazo.md)"}, nil},
		{"another site", files{"a.md": "[x](https://example.org/y#z) <mailto:a@example.org> [y](//example.org/z)"}, nil},
		{"anchors as GitHub makes them", files{"a.md": "[x](docs/wazo.md#wazo-rooms--chats) [y](docs/wazo.md#again-1) [z](docs/wazo.md#own)"}, nil},
		{"an anchor of its own document", files{"a.md": "# One\n\n[x](#one)\n\n[y](#two)"}, []string{`a.md:5: The link "#two" leads to no heading of a.md` + behind}},
		{"a file is missing", files{"docs/a.md": "text\n\nand more\n[x](e2e/main.go)"}, []string{`docs/a.md:4: The link "e2e/main.go" leads to docs/e2e/main.go, which does not exist` + correct}},
		{"an anchor is missing", files{"a.md": "[x](docs/wazo.md#again-2)"}, []string{`a.md:1: The link "docs/wazo.md#again-2" leads to no heading of docs/wazo.md` + behind}},
		{"an image is missing", files{"a.md": "![x](x.png)"}, []string{`a.md:1: The link "x.png" leads to x.png, which does not exist` + correct}},
		{"a reference", files{"a.md": "[x]\n\n[x]: gone.md\n"}, []string{`a.md:1: The link "gone.md" leads to gone.md, which does not exist` + correct}},
		{"in code it is no link", files{"a.md": "`[x](gone.md)`\n\n```\n[x](gone.md)\n```\n"}, nil},
	})
}

func TestVariables(t *testing.T) {
	const source = "package a\n\ntype c struct {\n\tA int `env:\"A\" json:\"a\"`\n\tB int `env:\"B_KEY,required\" envDefault:\"1\" secret:\"true\"`\n\tC int\n}\n"
	good := files{"a.go": source, ".env.example": "A=1\n# text\n#B_KEY=\n", administrationDoc: "| `A` | x |\n| --- | --- |\n| `B_KEY` | y |\n\n`A`"}
	with := func(name, text string) files { return files{name: text} }
	const explain, remove = "; explain it there.", "; remove it or correct its name."
	runRows(t, checkVariables, good, []row{
		{"all is well", nil, nil},
		{"the example lacks one", with(".env.example", "A=1\n"), []string{"a.go:5: The variable B_KEY is not in .env.example" + explain}},
		{"the example has too many", with(".env.example", "A=1\nB_KEY=\n#GONE=\n"), []string{".env.example:3: The program reads no variable GONE" + remove}},
		{"the document lacks one", with("docs/administration.md", "`A`"), []string{"a.go:5: The variable B_KEY is not in docs/administration.md" + explain}},
		{"the document has too many", with("docs/administration.md", "`A`\n`B_KEY`\n`GONE_ONE=5`"), []string{"docs/administration.md:3: The program reads no variable GONE_ONE" + remove}},
		{"a word of a table that is none", with("docs/administration.md", "`A` `B_KEY`\n\n| x |\n| --- |\n| `GONE` |\n"), []string{"docs/administration.md:5: The program reads no variable GONE" + remove}},
		{"a code block sets one that is none", with("docs/administration.md", "`A` `B_KEY`\n\n```\n    - GONE=1\n```\n"), []string{"docs/administration.md:4: The program reads no variable GONE" + remove}},
		{"a secret as a file", with("docs/administration.md", "`A` `B_KEY` `B_KEY_FILE` `NAME_FILE`"), nil},
		{"what is no secret has no file", with("docs/administration.md", "`A` `B_KEY` `A_FILE`"), []string{"docs/administration.md:1: The program reads no variable A_FILE" + remove}},
		{"other words in capitals", with("docs/administration.md", "`A` `B_KEY` `GET` `TZ` `M_FORBIDDEN` PLAIN_TEXT"), nil},
		{"tests and other modules read none", files{"b_test.go": "package a\n\ntype c struct {\n\tX int `env:\"X\"`\n}\n", "e2e/go.mod": "", "e2e/a.go": source}, nil},
	})
	runRows(t, checkVariables, files{"a.go": "package a"}, []row{{"documents are missing", nil, []string{
		".env.example:1: The file is missing; write it, because it has to explain the variables.",
		"docs/administration.md:1: The file is missing; write it, because it has to explain the variables.",
	}}})
}

func TestBotCommands(t *testing.T) {
	const list = "package bot\n\nfunc commandList() []command {\n\treturn []command{\n\t\t{\"help\", \"help [x]\", nil},\n\t\t{name: \"link\", usage: \"link\"},\n\t}\n}\n"
	good := files{"bot/sub/list.go": list, "docs/commands.md": "| `!wazo help` |\n| --- |\n| `!wazo link <name>` |\n"}
	runRows(t, checkBotCommands, good, []row{
		{"all is well", files{"README.md": "`!wazo` and `!wazo <command>`\n\n```\n!wazo link 1\n```\n"}, nil},
		{"one is not documented", files{"docs/commands.md": "`!wazo help`", "README.md": "`!wazo link`"}, []string{`bot/sub/list.go:6: The command "!wazo link" is not in docs/commands.md; explain it there.`}},
		{"one no longer exists", files{"README.md": "text\n\nmore `!wazo gone 1`"}, []string{`README.md:3: The bot has no command "!wazo gone"; remove it or correct its name.`}},
		{"one in a code block no longer exists", files{"README.md": "```\nanna: !wazo gone\n```"}, []string{`README.md:2: The bot has no command "!wazo gone"; remove it or correct its name.`}},
		{"the change log may name it", files{"CHANGELOG.md": "`!wazo gone`"}, nil},
	})
	runRows(t, checkBotCommands, nil, []row{
		{"no document", files{"bot/list.go": list}, []string{"docs/commands.md:1: The file is missing; write it, because it has to explain the bot's commands."}},
		{"no list", nil, []string{"bot:1: No function named commandList lists the bot's commands; keep it, or teach internal/doclint where they are."}},
	})
}

func TestTargets(t *testing.T) {
	good := files{"Makefile": "X := y\nbuild: ## Builds.\n\tgo build\ntest: one ## Tests.\none:\n", "README.md": "`make build`\n\n```console\n$ make test X=1  # all\n```\n"}
	runRows(t, checkTargets, good, []row{
		{"all is well", nil, nil},
		{"a target without help may be named", files{"a.md": "`make one`"}, nil},
		{"no document names a target", files{"README.md": "`make build`"}, []string{"Makefile:4: No document names `make test`; explain it in one."}},
		{"a target does not exist", files{"a.md": "x\n`make build gone`"}, []string{`a.md:2: The Makefile has no target "gone"; remove it or correct its name.`}},
		{"behind another command", files{"a.md": "```\ncd x && make gone # make nothing\n```"}, []string{`a.md:2: The Makefile has no target "gone"; remove it or correct its name.`}},
		{"in a text it is no call", files{"a.md": "They make gone things; `cmake gone`."}, nil},
	})
}

func TestConsole(t *testing.T) {
	const list = "# head\n$ make build\n\n$ docker run -d x\nskip: Why.\n"
	good := files{".ci/commands": list, "Makefile": "build: ## Builds.\none:\n", "README.md": "```console\n$ docker run \\\n    -d x  # runs\noutput\n```\n"}
	runRows(t, checkConsole, good, []row{
		{"all is well", nil, nil},
		{"a target may be shown, too", files{"a.md": "```console\n$ make build\n```"}, nil},
		{"a command is not listed", files{"a.md": "x\n\n```console\n$ new\n```"}, []string{`a.md:4: The command "new" is not in .ci/commands; say there what CI does with it.`}},
		{"in a block of a shell every line is a command", files{"a.md": "```sh\n# a comment\nnew\n```"}, []string{`a.md:3: The command "new" is not in .ci/commands; say there what CI does with it.`}},
		{"other blocks show no commands", files{"a.md": "```\n$ new\n```\n\n```yaml\nnew: x\n```"}, nil},
		{"nothing shows a command", files{".ci/commands": list + "$ gone\n"}, []string{`.ci/commands:6: No document shows the command "gone"; remove it, or correct it.`}},
		{"a target is not listed", files{"Makefile": "build: ## Builds.\ntest: ## Tests.\n"}, []string{`Makefile:2: The command "make test" is not in .ci/commands; say there what CI does with it.`}},
	})
	runRows(t, checkConsole, nil, []row{{"no list", nil, []string{".ci/commands:1: The file is missing; write it, because it has to say what CI does with each command that a document shows."}}})
}

func TestFigures(t *testing.T) {
	runRows(t, checkFigures, nil, []row{
		{"each node has one label", files{"a.md": "```mermaid\na[\"x\"] --> b{\"y\"}\na -- \"text\" --> c[(\"z\")]\n```\n"}, nil},
		{"a node has two", files{"a.md": "x\n\n```mermaid\na[\"x\"] --> b\nc --> a{\"y\"}\n```\n"}, []string{`a.md:5: The node "a" of the figure has the label "x" and the label "y"; give one of them another name.`}},
		{"in another figure it is another node", files{"a.md": "```mermaid\na[\"x\"]\n```\n\n```mermaid\na[\"y\"]\n```\n"}, nil},
		{"other blocks are no figures", files{"a.md": "```\na[\"x\"] a[\"y\"]\n```\n"}, nil},
	})
}

func TestFileTables(t *testing.T) {
	good := files{"relay/a.go": "package relay", "relay/a_test.go": "package relay", "relay/sub/b.go": "package sub", architectureDoc: "# X\n\n### The files of `relay`\n\n| x | `a.go` |\n\n### Y\n\n`c.go`\n"}
	runRows(t, checkFileTables, good, []row{
		{"all is well", nil, nil},
		{"a file is not listed", files{"relay/new.go": "package relay"}, []string{"docs/architecture.md:3: The table lacks relay/new.go; say there what it contains."}},
		{"a file no longer exists", files{architectureDoc: "### The files of `relay`\n\n| `a.go` `gone.go` |\n"}, []string{"docs/architecture.md:3: There is no file relay/gone.go; remove it or correct its name."}},
	})
}

func TestQuotes(t *testing.T) {
	golden := "# head\n\n## Group\n\nHello\n    Hello! Type `!chat rooms`.\nLinked\n    Linked with **a \\* b** on Wazo. Now.\nFailed WhyOne\n    It failed: I am *out*.\nHelp\n    Lists\n\n    - `!chat x`\n"
	const tables = "| the bot says | y |\n| --- | --- |\n| Hello! Type `!wazo rooms`; Linked with … on Wazo | z |\n| It failed | z |\n\n| reason |\n| --- |\n| I am |\n"
	good := files{goldenTexts: golden, troubleshootingDoc: tables}
	runRows(t, checkQuotes, good, []row{
		{"all is well", nil, nil},
		{"other tables quote nothing", files{troubleshootingDoc: tables + "\n| symptom |\n| --- |\n| gone |\n"}, nil},
		{"a text is not said", files{troubleshootingDoc: tables + "\n| they read |\n| --- |\n| Gone … |\n"}, []string{`docs/troubleshooting.md:12: The relay does not say "Gone …"; quote the beginning of a text in relay/words/testdata/texts.golden.`}},
		{"the middle of a text is no beginning", files{troubleshootingDoc: tables + "\n| they read |\n| --- |\n| on Wazo |\n"}, []string{`docs/troubleshooting.md:12: The relay does not say "on Wazo"; quote the beginning of a text in relay/words/testdata/texts.golden.`}},
		{"a reason stands behind a colon", files{troubleshootingDoc: tables + "| failed |\n"}, []string{`docs/troubleshooting.md:9: The relay does not say "failed"; quote the beginning of a text in relay/words/testdata/texts.golden.`}},
		{"a text is not quoted", files{goldenTexts: golden + "New\n    New text.\n"}, []string{`docs/troubleshooting.md:1: No table explains the text "New text." (New); quote its beginning in one.`}},
		{"a reason is not quoted", files{goldenTexts: golden + "Failed WhyTwo\n    It failed: no.\n"}, []string{`docs/troubleshooting.md:1: No table explains the text "It failed: no." (Failed WhyTwo); quote its beginning in one.`}},
	})
	runRows(t, checkQuotes, nil, []row{
		{"no texts", nil, []string{"relay/words/testdata/texts.golden:1: The file is missing; write it, because it has to show every text that the relay says."}},
		{"no document", files{goldenTexts: golden}, []string{"docs/troubleshooting.md:1: The file is missing; write it, because it has to explain what the relay says."}},
	})
}

func TestLogLines(t *testing.T) {
	const source = "package a\n\nfunc f() { log.Err(err).Msg(\"Failed, trying again later\"); log.Msg(\"The bot's device\") }\n"
	runRows(t, checkLogLines, files{"a.go": source}, []row{
		{"the program writes them", files{troubleshootingDoc: "`Failed, trying again later` and `The bot's device`"}, nil},
		{"it writes another one", files{troubleshootingDoc: "x\n\n`Failed to try again`"}, []string{"docs/troubleshooting.md:3: The program logs no line \"Failed to try again\"; quote a text that it passes to Msg."}},
		{"other code is no line", files{troubleshootingDoc: "`ADMINS` `Es` `--check` `!wazo link x` `\"wazo\": false`"}, nil},
		{"tests write none", files{"a_test.go": "package a\n\nfunc g() { log.Msg(\"Only a test\") }", troubleshootingDoc: "`Only a test`"}, []string{"docs/troubleshooting.md:1: The program logs no line \"Only a test\"; quote a text that it passes to Msg."}},
	})
}

func TestRunOnRepository(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		command := exec.Command("git", args...)
		command.Dir = dir
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	var stdout, stderr strings.Builder
	require.Equal(t, 2, run(t.Context(), filepath.Join(dir, "none"), &stdout, &stderr))
	require.Contains(t, stderr.String(), "error: failed to list the files of the repository")

	git("init", "-q")
	write(".gitignore", "ignored.md\n")
	write("ignored.md", "[x](gone.md)")
	write("bot/a.go", "package bot\n\nfunc commandList() []string { return []string{\"help\"} }\n")
	write("docs/commands.md", "`!wazo help`")
	write("docs/administration.md", "Nothing.")
	write(".env.example", "")
	write(".ci/commands", "")
	write(goldenTexts, "Hello\n    Hello!\n")
	write(troubleshootingDoc, "| the bot says |\n| --- |\n| Hello! |\n")
	require.Equal(t, 0, run(t.Context(), dir, &stdout, &stderr), stdout.String())
	require.Empty(t, stdout.String())

	write("b.md", "[x](ignored.md)")
	git("add", "b.md")
	require.Equal(t, 1, run(t.Context(), dir, &stdout, &stderr))
	require.Equal(t, "b.md:1: The link \"ignored.md\" leads to ignored.md, which does not exist; correct the link.\n", stdout.String())
}
