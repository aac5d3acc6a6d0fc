package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"
)

const botUser = id.UserID("@relay:a.example")

func TestParse(t *testing.T) {
	for _, test := range []struct{ name, text, command, args string }{
		{"the prefix and a word", "!wazo status", "status", ""},
		{"arguments stay as they were typed", "!wazo link My  Room", "link", "My  Room"},
		{"the prefix alone asks for help", "!wazo", "help", ""},
		{"upper and lower case do not matter", "!WaZo STATUS", "status", ""},
		{"a full-width exclamation mark", "！wazo status", "status", ""},
		{"a colon behind the prefix", "!wazo: status", "status", ""},
		{"a colon without a space", "!wazo:status", "status", ""},
		{"a colon after a space", "!wazo : status", "status", ""},
		{"a colon and nothing else", "!wazo:", "help", ""},
		{"white space before it", " \t\n!wazo status", "status", ""},
		{"a no-break space before it", "\u00a0!wazo status", "status", ""},
		{"zero-width characters before it", "\u200b\ufeff\u2060!wazo status", "status", ""},
		{"marks of direction around it", "\u2068!wazo status\u2069", "status", ""},
		{"a zero-width character in the prefix", "!\u200bwazo status", "status", ""},
		{"no-break spaces between the words", "!wazo\u00a0link\u202fMy\u00a0Room", "link", "My Room"},
		{"line breaks between the words", "!wazo\nlink\nRoom", "link", "Room"},
		{"a zero-width space between the words", "!wazo\u200bstatus", "status", ""},
		{"the bot's name before it", "Wazo Relay !wazo status", "status", ""},
		{"the bot's name and a colon", "wazo relay: !wazo status", "status", ""},
		{"the bot's name and a comma", "@Wazo Relay, !wazo: status", "status", ""},
		{"the bot's user id", "@relay:a.example: !wazo status", "status", ""},

		{name: "an ordinary text", text: "hello"},
		{name: "nothing", text: ""},
		{name: "a longer word", text: "!wazoo status"},
		{name: "another sign behind it", text: "!wazo, status"},
		{name: "the prefix further behind", text: "I typed !wazo status"},
		{name: "the prefix without its sign", text: "wazo status"},
		{name: "a mention without the prefix", text: "Wazo Relay: status"},
		{name: "somebody else's name", text: "Robin: !wazo status"},
		{name: "a name that only begins with the bot's", text: "Wazo Relayer: !wazo status"},
		{name: "a quotation", text: "> !wazo status"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Parse(test.text, "!wazo", "Wazo Relay", botUser.String(), "")
			require.Equal(t, test.command != "", ok)
			require.Equal(t, Command{Name: test.command, Args: test.args}, got)
		})
	}
}

func TestPrefixThatIsAlsoTheBotsName(t *testing.T) {
	got, ok := Parse("wazo: wazo status", "wazo", "wazo")
	require.True(t, ok)
	require.Equal(t, Command{Name: "wazo", Args: "status"}, got, "the first word is the prefix")
}

func TestReadContent(t *testing.T) {
	html := func(body, formatted string) map[string]any {
		return map[string]any{"msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": formatted}
	}
	plain := func(msgType, body string) map[string]any { return map[string]any{"msgtype": msgType, "body": body} }
	edit := func(content map[string]any) map[string]any {
		return map[string]any{
			"msgtype": "m.text", "body": "* an edit", "m.new_content": content,
			"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": "$original"},
		}
	}
	pill := `<a href="https://matrix.to/#/@relay:a.example">Robbie</a>`
	for _, test := range []struct {
		name    string
		content map[string]any
		want    string // the name of the command and its arguments; "" if it is none
	}{
		{"a text", plain("m.text", "!wazo status"), "status"},
		{"an emote", plain("m.emote", "!wazo status"), "status"},
		{"a notice, which a bot wrote", plain("m.notice", "!wazo status"), ""},
		{"the name of a file", plain("m.image", "!wazo status"), ""},
		{"a message without a type", map[string]any{"body": "!wazo status"}, ""},
		{"a formatted command", html("!wazo link `Nowhere`", "!wazo link <code>Nowhere</code>"), "link `Nowhere`"},
		{"Markdown around the prefix", html("**!wazo** status", "<p><strong>!wazo</strong> status</p>"), "status"},
		{"a formatted body that says something else", html("see below", "<p>!wazo status</p>"), "status"},
		{"a formatted quotation", html("> !wazo status\n\nis the command", "<blockquote>!wazo status</blockquote>is the command"), ""},
		{"a command that is shown as code", html("`!wazo status`", "<code>!wazo status</code>"), ""},
		{"the plain fallback of a reply", plain("m.text", "> <@sam:a.example> hello\n> there\n\n!wazo status"), "status"},
		{"the fallback of a reply to an emote", plain("m.text", "> * <@sam:a.example> waves\n\n!wazo status"), "status"},
		{"a fallback whose empty lines were trimmed", plain("m.text", "> <@sam:a.example> hello\n>\n> there\n\n!wazo status"), "status"},
		{"both fallbacks of a reply", html("> <@sam:a.example> hello\n\n!wazo status", "<mx-reply><blockquote>hello</blockquote></mx-reply>!wazo status"), "status"},
		{"a reply that only quotes a command", plain("m.text", "> <@sam:a.example> !wazo status\n\nthanks"), ""},
		{"a pill", html("Robbie: !wazo status", pill+": !wazo status"), "status"},
		{"a pill without a colon", html("Robbie !wazo status", pill+" !wazo status"), "status"},
		{"a pill with a matrix: link", html("Robbie !wazo status", `<a href="matrix:u/relay:a.example">Robbie</a> !wazo status`), "status"},
		{"a pill behind the fallback of a reply", html("> <@sam:a.example> hello\n\nRobbie: !wazo status", "<mx-reply>hello</mx-reply>"+pill+": !wazo status"), "status"},
		{"a pill of somebody else", html("Sam: !wazo status", `<a href="https://matrix.to/#/@sam:a.example">Sam</a>: !wazo status`), ""},
		{"a mention as a Markdown link", plain("m.text", "[Robbie](https://matrix.to/#/@relay:a.example): !wazo status"), "status"},
		{"the bot's display name", plain("m.text", "Wazo Relay: !wazo status"), "status"},
		{"the bot's user id", plain("m.text", "@relay:a.example !wazo status"), "status"},
		{"an edit", edit(plain("m.text", "!wazo status")), "status"},
		{"an edit into something else", edit(plain("m.text", "hello")), ""},
		{"an edit that has a fallback only", map[string]any{
			"msgtype": "m.text", "body": "* !wazo status", "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": "$original"},
		}, "status"},
		{"a content that makes no sense", map[string]any{"msgtype": 1, "body": []any{}, "m.new_content": "x", "m.relates_to": "y"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			command, ok := Reader{Prefix: "!wazo", Bot: botUser}.Read(test.content, "Wazo Relay")
			require.Equal(t, test.want != "", ok)
			require.Equal(t, test.want, strings.TrimSpace(command.Name+" "+command.Args))
		})
	}
}

func TestReplaces(t *testing.T) {
	require.Equal(t, id.EventID("$1"), Replaces(map[string]any{"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": "$1"}}))
	require.Empty(t, Replaces(map[string]any{"m.relates_to": map[string]any{"rel_type": "m.thread", "event_id": "$1"}}))
	require.Empty(t, Replaces(map[string]any{"m.relates_to": 1}))
	require.Empty(t, Replaces(nil))
}

func TestUnquote(t *testing.T) {
	for text, want := range map[string]string{
		`"Project"`: "Project", "“Project”": "Project", "”Project”": "Project", "„Project“": "Project", "„Project”": "Project", "«Project»": "Project",
		"« Project »": "Project", "«\u00a0Project\u00a0»": "Project", "»Project«": "Project", "‘Project’": "Project", "‚Project‘": "Project", "‹Project›": "Project",
		"'Project'": "Project", "`Project`": "Project", "<Project>": "Project", "「Project」": "Project", "[Project]": "Project", `<"Project">`: "Project",
		"Project": "Project", " Project ": "Project", "Bob’s": "Bob’s", "’tis Bob’s": "’tis Bob’s", `"`: `"`, `""`: "", "": "", `Project "B"`: `Project "B"`, "(Project)": "(Project)",
	} {
		require.Equal(t, want, Unquote(text), "%q", text)
	}
}

func TestList(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"Alice Martin, Bob", []string{"Alice Martin", "Bob"}},
		{`"Martin, Alice", «Bob Stone»`, []string{"Martin, Alice", "Bob Stone"}},
		{"<Alice>，<Bob>、Chloé", []string{"Alice", "Bob", "Chloé"}},
		{"Pat O’Neil, Bob", []string{"Pat O’Neil", "Bob"}},
		{"“Alice, Bob", []string{"“Alice", "Bob"}},
		{",, ,", nil},
		{"", nil},
	} {
		require.Equal(t, test.want, List(test.text), "%q", test.text)
	}
}

func TestCutFlag(t *testing.T) {
	for _, test := range []struct {
		args, rest string
		found      bool
	}{
		{"--public", "", true},
		{"Project —public", "Project", true},
		{"Project –public", "Project", true},
		{"Project −−public", "Project", true},
		{"Project ‑‑PUBLIC", "Project", true},
		{"--public My  Room", "My  Room", true},
		{"a\u00a0--public\u00a0--public b", "a\u00a0 b", true},
		{"Project", "Project", false},
		{"Project public", "Project public", false},
		{"Project--public", "Project--public", false},
		{"Project --publicly", "Project --publicly", false},
		{"", "", false},
	} {
		rest, found := CutFlag(test.args, "public")
		require.Equal(t, test.found, found, "%q", test.args)
		require.Equal(t, strings.Fields(test.rest), strings.Fields(rest), "%q", test.args)
	}
}

func TestCutTitle(t *testing.T) {
	for _, test := range []struct{ args, rest, title string }{
		{`Bob as "X"`, "Bob", "X"},
		{`Bob As „Ein Titel“`, "Bob", "Ein Titel"},
		{`Bob AS «Un titre»`, "Bob", "Un titre"},
		{"Bob as ‘X’", "Bob", "X"},
		{"Bob as <X>", "Bob", "X"},
		{"Bob as ”X”", "Bob", "X"},
		{"Bob\u00a0as\u00a0«\u00a0X\u00a0»", "Bob", "X"},
		{`Bob [as "X"]`, "Bob", "X"},
		{"Bob as “Bob’s corner”", "Bob", "Bob’s corner"},
		{`as "X"`, "", "X"},
		{`Bob as "b" as "c"`, "Bob", `b" as "c`},
		{`Bob as ""`, "Bob", ""},
		{"Bob as X", "Bob as X", ""},
		{"Thomas 'Tom' Stone", "Thomas 'Tom' Stone", ""},
		{"Bob", "Bob", ""},
		{"[Bob]", "[Bob]", ""},
		{"", "", ""},
	} {
		rest, title := CutTitle(test.args)
		require.Equal(t, []string{test.rest, test.title}, []string{rest, title}, "%q", test.args)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"!wazo", "!wazo help", "!WAZO  Link  a b", " !wazo link x", "!wazo\nlink\tx", "!wazo create Alice, Bob as “X”", "\u200b!wazo: x",
		"!wazo link --public x", "!wazo link x —public", "!wazo create as \"x\"", "!wazo create a as \"b\" as \"c\"", "!wazoo", "", "\x00", "!wazo \xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		command, ok := Parse(text, "!wazo", "Wazo Relay")
		if fields := strings.Fields(text); len(fields) > 0 && strings.EqualFold(fields[0], "!wazo") && !ok {
			t.Fatalf("%q: a command is not recognised", text)
		}
		again, mentioned := Parse("Wazo Relay: "+text, "!wazo", "Wazo Relay")
		if ok && (!mentioned || again != command) {
			t.Fatalf("%q: with a mention before it, it is %v instead of %v", text, again, command)
		}
		if !ok {
			return
		} else if command.Name == "" || strings.ContainsFunc(command.Name, isBlank) {
			t.Fatalf("%q: the name of the command is %q", text, command.Name)
		}
		rest, found := CutFlag(command.Args, "public")
		if !found && rest != trim(command.Args) {
			t.Fatalf("%q: changed although there is no flag", text)
		} else if _, left := CutFlag(rest, "public"); left {
			t.Fatalf("%q: a flag is left in %q", text, rest)
		}
		people, title := CutTitle(rest)
		if !strings.HasPrefix(rest, people) || !strings.Contains(rest, title) {
			t.Fatalf("%q: %q and %q are not what was typed", text, people, title)
		}
		for _, name := range List(people) {
			if name == "" || !strings.Contains(people, name) {
				t.Fatalf("%q: %q is not what was typed", text, name)
			}
		}
	})
}

func FuzzReadHTML(f *testing.F) {
	for _, formatted := range []string{"!wazo status", "<p><b>!wazo</b> x", "<mx-reply>a</mx-reply>!wazo", `<a href="https://matrix.to/#/@relay:a.example">B</a>: !wazo`, "<blockquote>!wazo", "<table><td>!wazo"} {
		f.Add(formatted)
	}
	f.Fuzz(func(t *testing.T, formatted string) {
		content := map[string]any{"msgtype": "m.text", "body": "hello", "format": "org.matrix.custom.html", "formatted_body": formatted}
		if command, ok := (Reader{Prefix: "!wazo", Bot: botUser}).Read(content); ok && command.Name == "" {
			t.Fatalf("%q: a command without a name", formatted)
		}
	})
}
