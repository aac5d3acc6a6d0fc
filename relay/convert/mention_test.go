package convert

import (
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"
)

var mentionable = People{
	{ID: alice, Name: "Alice Martin", User: "@alice:a.example"},
	{ID: bob, Name: "Bob", User: "@bob:a.example"},
	{ID: "3", Name: "Bob Stone", User: "@stone:a.example"},
	{ID: "4", Name: "Alice Martin-Smith"},
	{ID: "5", Name: "Ann Lee", User: "@ann1:a.example"},
	{ID: "6", Name: "ann lee", User: "@ann2:a.example"},
	{ID: "7", Name: "Tom_O'Neil [x]", User: "@tom:a.example"},
	{ID: "8", Name: " ", User: "@blank:a.example"},
}

func TestMentions(t *testing.T) {
	const pill, bobs = `<a href="https://matrix.to/#/@alice:a.example">@Alice Martin</a>`, `<a href="https://matrix.to/#/@bob:a.example">@Bob</a>`
	for _, test := range []struct {
		name, content, html string
		users               []id.UserID
	}{
		{"alone", "@Alice Martin", pill, []id.UserID{"@alice:a.example"}},
		{"in a sentence", "Hi @Alice Martin, (@Bob): & so on.", "Hi " + pill + ", (" + bobs + "): &amp; so on.", []id.UserID{"@alice:a.example", "@bob:a.example"}},
		{"twice", "@Bob @Bob", bobs + " " + bobs, []id.UserID{"@bob:a.example"}},
		{"in bold", "**@Bob**", "<strong>" + bobs + "</strong>", []id.UserID{"@bob:a.example"}},
		{"in another case", "@BOB", `<a href="https://matrix.to/#/@bob:a.example">@BOB</a>`, []id.UserID{"@bob:a.example"}},
		{"the longest name counts", "@Bob Stone", `<a href="https://matrix.to/#/@stone:a.example">@Bob Stone</a>`, []id.UserID{"@stone:a.example"}},
		{"marks in a name", "@Tom_O'Neil [x]!", `<a href="https://matrix.to/#/@tom:a.example">@Tom_O'Neil [x]</a>!`, []id.UserID{"@tom:a.example"}},
		{"somebody who is not on Matrix", "@Alice Martin-Smith", "", nil},
		{"a name that goes on", "@Alice Martins @Bobby @Alice Martin-Jones @Bob.example", "", nil},
		{"a name that several people have", "@Ann Lee", "", nil},
		{"an address", "to x@Bob or me.@Bob", "", nil},
		{"no @", "Alice Martin", "", nil},
		{"in code", "`@Bob`", "<code>@Bob</code>", nil},
		{"in a block of code", "```\n@Bob\n```", "<pre><code>@Bob\n</code></pre>", nil},
		{"in a link", "[@Bob](https://a.example)", `<a href="https://a.example">@Bob</a>`, nil},
		{"in an address that clients link", "https://a.example/@Bob", "", nil},
		{"the whole room", "@room @here", "", nil},
		{"a Matrix id", "@bob:a.example", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := ToMatrix(test.content, mentionable...)
			if c.Body != test.content || trim(c.FormattedBody) != trim(test.html) || !slices.Equal(c.Mentions.UserIDs, test.users) || c.Mentions.Room {
				t.Errorf("body %q\nhtml %q\nmentions %v", c.Body, c.FormattedBody, c.Mentions)
			}
		})
	}
}

func trim(html string) string {
	for html != "" && html[len(html)-1] == '\n' {
		html = html[:len(html)-1]
	}
	return html
}

func TestNobodyMentionsThemselves(t *testing.T) {
	c := ToMatrix("@Bob @Bob Stone", mentionable.Without("3")...)
	if !slices.Equal(c.Mentions.UserIDs, []id.UserID{"@bob:a.example"}) {
		t.Errorf("mentions %v", c.Mentions.UserIDs)
	}
	c, n := Merge([]Said{{alice, "Alice", "@Alice Martin @Bob"}, {bob, "Bob", "@Alice Martin and @Bob"}, {alice, "Alice", "@Bob @Bob Stone"}}, 50, mentionable...)
	if n != 3 || !slices.Equal(c.Mentions.UserIDs, []id.UserID{"@bob:a.example", "@alice:a.example", "@stone:a.example"}) {
		t.Errorf("%d messages, mentions %v", n, c.Mentions.UserIDs)
	}
}

func FuzzMentions(f *testing.F) {
	for _, seed := range []string{"@Bob", "**@Bob**_@Alice Martin_", "`@Bob` [@Bob](https://a)", "@Ann Lee @Tom_O'Neil [x]\n> @Bob\n- @Bob Stone", "|@Bob|\n|-|\n|@Bob|"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, plain := ToMatrix(content, mentionable...), ToMatrix(content)
		if c.Body != plain.Body || c.Mentions.Room || len(content) <= minPart && EventSize(c) > MaxEventBytes {
			t.Errorf("body %q, mentions %v, %d bytes", c.Body, c.Mentions, EventSize(c))
		}
		checkMatrixHTML(t, c.FormattedBody)
		checkNothingIsLost(t, c)
		for _, user := range c.Mentions.UserIDs {
			if !slices.ContainsFunc(mentionable, func(p Person) bool {
				return p.User == user && strings.Contains(strings.ToLower(visibleText(c.FormattedBody)), "@"+strings.ToLower(p.Name))
			}) {
				t.Errorf("%s is not mentioned", user)
			}
		}
	})
}
