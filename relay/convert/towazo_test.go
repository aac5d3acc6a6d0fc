package convert

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

func TestHTMLBecomesMarkdown(t *testing.T) {
	for _, p := range append(pairs(), written()...) {
		t.Run(p.name, func(t *testing.T) {
			if got := toWazo(t, formatted(p.html), WazoOptions{}); got != p.markdown {
				t.Errorf("got\n%s\nwant\n%s", got, p.markdown)
			}
		})
	}
}

func TestHTMLOfClientsBecomesMarkdown(t *testing.T) {
	names := func(user id.UserID) string {
		if user == "@alice:example.org" {
			return "Alice *A*"
		}
		return ""
	}
	tests := []struct{ name, html, want string }{
		{"a line break in the source is a blank", "<p>a\nb</p>", "a b"},
		{"blanks move out of bold", "x<b> a </b>y", "x **a** y"},
		{"bold that would not work is left out", "<b>“a”</b>b", "“a”b"},
		{"empty bold leaves nothing", "a<b> </b>b", "a b"},
		{"bold over an empty line is two", "<b>a<br><br>b</b>", "**a**\n\n**b**"},
		{"adjacent bold is one", "<b>a</b><b>b</b>", "**ab**"},
		{"a bold link is a link in bold", `<b><a href="https://e.example">a</a></b>`, "[**a**](https://e.example)"},
		{"two br are an empty line", "a<br><br/>b", "a\n\nb"},
		{"no-break space stays", "a&nbsp;&nbsp;b", "a\u00a0\u00a0b"},
		{"underscores in words need no escape", "snake_case_name", "snake_case_name"},
		{"multiplication needs no escape", "2 * 3 * 4", "2 * 3 * 4"},
		{"asterisks around a word do", "*a* snake_case", `\*a\* snake_case`},
		{"backticks do", "`a`", "\\`a\\`"},
		{"one backtick does not", "it`s", "it`s"},
		{"a number at the start of a line does", "1. a", `1\. a`},
		{"a hash at the start of a line does", "a<br># b", "a\n\\# b"},
		{"a dash at the start of a line does", "- a", `\- a`},
		{"a quote sign at the start of a line does", "&gt; a", `\> a`},
		{"a plus one does not", "+1", "+1"},
		{"tags written as text do", "&lt;script&gt;x", `\<script>x`},
		{"less than does not", "a &lt; b", "a < b"},
		{"a link written as text does", "[a](b)", `\[a\](b)`},
		{"a line below that would make a heading does", "a<br>===", "a\n\\==="},
		{"a backslash at the end of a line does", `a\<br>b`, `a\\` + "\nb"},
		{"an address needs no escape", "*x* https://e.example/a_b_c", `\*x\* https://e.example/a_b_c`},
		{"script and style are dropped", "a<script>x</script><style>y</style>b", "ab"},
		{"the copy of the message replied to is dropped", "<mx-reply><blockquote>old</blockquote></mx-reply>new", "new"},
		{"javascript links are text", `<a href="javascript:x">a</a>`, "a"},
		{"data links are text", `<a href=" Data:text/html,x">a</a>`, "a"},
		{"links with a line break in the scheme are text", "<a href=\"java\nscript:x\">a</a>", "a"},
		{"parentheses in a target are encoded", `<a href="https://e.example/a(b) c">a</a>`, "[a](https://e.example/a%28b%29%20c)"},
		{"an address linked to itself is bare", `<a href="https://e.example/a_b_">https://e.example/a_b_</a>`, "https://e.example/a_b_"},
		{"a mail address linked to itself is bare", `<a href="mailto:a@b.c">a@b.c</a>`, "a@b.c"},
		{"a pill takes the known name", `<a href="https://matrix.to/#/@alice:example.org">al</a>: hi`, `@Alice \*A\*: hi`},
		{"a pill of somebody unknown takes its text", `<a href="https://matrix.to/#/@bob:example.org">Bob</a>: hi`, "@Bob: hi"},
		{"a pill with a bare id takes the first part", `<a href="https://matrix.to/#/@bob:example.org">@bob:example.org</a>`, "@bob"},
		{"a matrix: pill too", `<a href="matrix:u/alice:example.org">x</a>`, `@Alice \*A\*`},
		{"a room pill is its alias", `<a href="https://matrix.to/#/#r:example.org">#r:example.org</a>`, "#r:example.org"},
		{"a room pill without text is a link", `<a href="https://matrix.to/#/!r:e.example">https://matrix.to/#/!r:e.example</a>`, "[Matrix room](https://matrix.to/#/%21r:e.example)"},
		{"a link to an event keeps its text", `<a href="https://matrix.to/#/!r:e.example/$e">that</a>`, "[that](https://matrix.to/#/%21r:e.example/$e)"},
		{"details show all", "<details><summary>a</summary>b</details>", "**a**\n\nb"},
		{"raised and lowered digits are characters", "x<sup>2</sup> H<sub>2</sub>O", "x² H₂O"},
		{"other raised text has a sign", "x<sup>ab</sup>", "x^(ab)"},
		{"all digits can be raised and lowered", "x<sup>1-20+34n</sup><sub>10-2+3</sub>", "x¹⁻²⁰⁺³⁴ⁿ₁₀₋₂₊₃"},
		{"other lowered text has a sign", "x<sub>a</sub>", "x_a"},
		{"empty elements leave nothing", "a<code></code><sup></sup><h1></h1><blockquote></blockquote><pre></pre><ul><li></li></ul>b", "a\n\nb"},
		{"a caption stands before its table", "<table><caption>c</caption><tr><td>a</td></tr></table>", "c\n\n| a |\n| --- |"},
		{"a table too wide for Markdown is lines", "<table><tr>" + strings.Repeat("<td>a</td>", 60) + "</tr></table>", strings.TrimSpace(strings.Repeat("a ", 60))},
		{"inputs that are no checkbox are dropped", `a<input type="text" value="b">`, "a"},
		{"a link to an event without text is named", `<a href="https://matrix.to/#/!r:e.example/$e"></a>a`, "[Matrix room](https://matrix.to/#/%21r:e.example/$e)a"},
		{"a harmless address written differently is a link", `<a href="HTTPS://e.example">a</a>`, "[a](HTTPS://e.example)"},
		{"code in a table keeps its bars", "<table><tr><td><code>a|b</code>\\|*c*</td></tr></table>", "| `a\\|b`\\\\\\|\\*c\\* |\n| --- |"},
		{"underline and colours are dropped", `<u>a</u> <font color="#f00">b</font> <span data-mx-color="#f00">c</span>`, "a b c"},
		{"a spoiler stands between bars", `<span data-mx-spoiler>a</span>`, "||a||"},
		{"a spoiler's reason stands before", `<span data-mx-spoiler="why">a</span>`, "(why) ||a||"},
		{"a custom emoji is its code", `<img data-mx-emoticon src="mxc://a/b" alt=":party:">`, ":party:"},
		{"a picture is its description", `a <img src="mxc://a/b" alt="b">`, "a b"},
		{"checkboxes are kept", `<ul><li><input type="checkbox" checked> a</li><li><input type="checkbox"> b</li></ul>`, "- [x] a\n- [ ] b"},
		{"paragraphs in a list stay in it", "<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"},
		{"a list directly in a list is nested", "<ul><li>a</li><ul><li>b</li></ul></ul>", "- a\n- - b"},
		{"a mad start is one", `<ol start="-5"><li>a</li></ol>`, "1. a"},
		{"code in a list is indented", "<ul><li><pre><code>a\nb</code></pre></li></ul>", "- ```\n  a\n  b\n  ```"},
		{"a mad language is dropped", "<pre><code class=\"language-a`b\">c</code></pre>", "```\nc\n```"},
		{"a heading is one line", "<h1>a<br>b</h1>", "# a b"},
		{"closing hashes of a heading are kept", "<h1>a #</h1>", `# a \#`},
		{"a table without header takes the first row", "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>", "| a |  |\n| --- | --- |\n| b | c |"},
		{"paragraphs in a cell are on one line", "<table><tr><td><p>a</p><p>b|</p></td></tr></table>", "| a b\\| |\n| --- |"},
		{"a paragraph in bold is bold", "<b><p>a</p></b>b", "**a**\n\nb"},
		{"one mark that can't be written does not cost the others", "<b>Note:</b>see <b>this</b>", "Note:see **this**"},
		{"nor those of other kinds", "<b>a</b> <i>“b”</i>c <del>d</del> <b>e:</b>f <i>g</i>", "**a** “b”c ~~d~~ e:f _g_"},
		{"nor those around it", "<i>a <b>Note:</b>see b</i>", "_a Note:see b_"},
		{"nor those in a cell", "<table><tr><td><b>Note:</b>see <b>this</b></td></tr></table>", "| Note:see **this** |\n| --- |"},
		{"nor those of a heading", "<h2><i>“a”</i>b <i>c</i></h2>", "## “a”b _c_"},
		{"struck paragraphs are struck", "<del><p>a</p><p>b <b>c</b></p></del>d", "~~a~~\n\n~~b **c**~~\n\nd"},
		{"a struck list is struck", "<s><ul><li>a</li><li>b</li></ul></s>", "- ~~a~~\n- ~~b~~"},
		{"a struck quote, heading and table are struck", "<del><blockquote>a</blockquote><h1>b</h1><table><tr><td>c</td></tr></table></del>", "> ~~a~~\n\n# ~~b~~\n\n| ~~c~~ |\n| --- |"},
		{"bold in struck blocks", "<div><del><div>a<p><b>b</b></p></div></del></div>", "~~a~~\n\n~~**b**~~"},
		{"spoiler paragraphs stand between bars", "<span data-mx-spoiler><p>a</p><p>b</p></span>c", "||a\n\nb||\n\nc"},
		{"a spoiler's reason stands before blocks", `<span data-mx-spoiler="the *end*"><p>a</p></span>`, "(the \\*end\\*) ||a||"},
		{"a spoiler list stands between bars", "<span data-mx-spoiler><ul><li>a</li></ul></span>", "||\n\n- a\n\n||"},
		{"a spoiler in a struck paragraph", "<del><p>a <span data-mx-spoiler>b</span></p></del>", "~~a ||b||~~"},
		{"an empty item keeps the count", "<ol><li>a</li><li></li><li>c</li></ol>", "1. a\n2.\n3. c"},
		{"an empty first item does", "x<ol><li> </li><li>b</li></ol>", "x\n\n1.\n2. b"},
		{"an empty last item does", "<ul><li>a</li><li><p></p></li></ul>", "- a\n-"},
		{"items keep numbers of their own", `<ol start="3"><li>a</li><li value="7">b</li><li>c</li></ol>`, "3. a\n7. b\n8. c"},
		{"a link without text shows its target", `a <a href="https://b.example/c"></a>`, "a [https://b.example/c](https://b.example/c)"},
		{"an ftp target is readable", `<a href="ftp://b.example/c">the file</a>`, "the file (ftp://b.example/c)"},
		{"a sip target is readable", `call <a href="sip:*97@pbx.example">voicemail</a>!`, "call voicemail (sip:*97@pbx.example)!"},
		{"a magnet target is readable", `<a href="magnet:?xt=urn:btih:abc&amp;dn=x_y">b</a>`, "b (magnet:?xt=urn:btih:abc&dn=x_y)"},
		{"a target that is its own text is there once", `<a href="sip:ann@pbx.example">sip:ann@pbx.example</a>`, "sip:ann@pbx.example"},
		{"a target without text is readable", `<a href="ftp://b.example"></a>`, "ftp://b.example"},
		{"a target for scripts is not shown", `<a href="vbscript:x">a</a> <a href="blob:x">b</a> <a href="/c">d</a> <a href="mxc://e/f">g</a>`, "a b d g"},
		{"a target in bold is readable", `<b><a href="xmpp:a@b.c">d</a></b>`, "**d (xmpp:a@b.c)**"},
		{"a position is a link to a map", `<a href="geo:48.2,16.3;u=5">here</a>`, "[here](https://www.openstreetmap.org/?mlat=48.2&mlon=16.3#map=16/48.2/16.3)"},
		{"blanks in code stay", "<code>a  b</code> <code> c</code> <code> d </code>", "`a  b` ` c` `  d  `"},
		{"code next to code is one", "<code>a</code><code>`b</code>", "``a`b``"},
		{"tabs in code stay", "<code>a\tb</code>", "`a\tb`"},
		{"a backtick at the end of code stays", "<code>a`</code>", "`` a` ``"},
		{"a backslash at the end of code stays", `<code>C:\</code>`, "`C:\\`"},
		{"code blocks in a cell keep their blanks", "<table><tr><td><pre>a  b\n</pre></td></tr></table>", "| `a  b` |\n| --- |"},
		{"code blocks keep their ends", "<pre><code>\n  a\n\n</code></pre>", "```\n\n  a\n\n```"},
		{"what follows an address is no part of it", `<a href="https://b.example">https://b.example</a>more`, "<https://b.example>more"},
		{"what stands before an address is none", `see<a href="https://b.example">https://b.example</a>`, "see<https://b.example>"},
		{"punctuation behind an address needs no brackets", `<a href="https://b.example">https://b.example</a>, <i>c</i>.`, "https://b.example, _c_."},
		{"punctuation at the end of an address stays", `<a href="https://b.example/c.">https://b.example/c.</a>`, "[https://b.example/c.](https://b.example/c.)"},
		{"too deep nesting gives the body", strings.Repeat("<b>", 200) + "a", "the body"},
		{"thousands of levels give the body", strings.Repeat("<blockquote>", 5000) + "a", "the body"},
		{"HTML without text gives the body", "<p> </p><script>a</script>", "the body"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := toWazo(t, formatted(test.html), WazoOptions{Names: names}); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestMessagesBecomeWazoText(t *testing.T) {
	profile := func() *event.BeeperPerMessageProfile {
		return &event.BeeperPerMessageProfile{ID: "x", Displayname: "Cat", HasFallback: true}
	}
	edit := func(content *event.MessageEventContent) event.MessageEventContent {
		return event.MessageEventContent{
			MsgType: event.MsgText, Body: "* new", RelatesTo: (&event.RelatesTo{}).SetReplace("$e"), NewContent: content,
		}
	}
	reply := (&event.RelatesTo{}).SetReplyTo("$parent")
	info := &event.FileInfo{Size: 1_234_567}
	tests := []struct {
		name    string
		content event.MessageEventContent
		opts    WazoOptions
		want    string
	}{
		{name: "plain text stays as it is", content: event.MessageEventContent{MsgType: event.MsgText, Body: " *a* <b>\n  c"}, want: " *a* <b>\n  c"},
		{name: "notice is text", content: event.MessageEventContent{MsgType: event.MsgNotice, Body: "a"}, want: "a"},
		{name: "unknown format is not used", content: event.MessageEventContent{MsgType: event.MsgText, Body: "a", Format: "x", FormattedBody: "b"}, want: "a"},
		{name: "unknown msgtype is its body", content: event.MessageEventContent{MsgType: "org.example", Body: "a"}, want: "a"},
		{name: "NUL and invalid UTF-8 go", content: event.MessageEventContent{MsgType: event.MsgText, Body: "a\x00b\xff\xed\xa0\x80c"}, want: "abc"},
		{name: "emote names who acts", content: event.MessageEventContent{MsgType: event.MsgEmote, Body: "waves"}, opts: WazoOptions{SenderName: "Ann_B"}, want: "* Ann_B waves"},
		{name: "emote with Markdown in the name", content: event.MessageEventContent{MsgType: event.MsgEmote, Body: "waves"}, opts: WazoOptions{SenderName: "*Ann*"}, want: `* \*Ann\* waves`},
		{name: "emote without name", content: event.MessageEventContent{MsgType: event.MsgEmote, Body: "waves"}, want: "* waves"},
		{name: "emote with HTML", content: event.MessageEventContent{MsgType: event.MsgEmote, Body: "x", Format: event.FormatHTML, FormattedBody: "<b>waves</b>"}, opts: WazoOptions{SenderName: "Ann"}, want: "* Ann **waves**"},
		{name: "edit has a pencil", content: edit(&event.MessageEventContent{MsgType: event.MsgText, Body: "new"}), want: "✏️ new"},
		{name: "edit to a list has the pencil above", content: edit(formatted("<ul><li>a</li></ul>")), want: "✏️\n\n- a"},
		{
			name:    "new content without an edit is ignored",
			content: event.MessageEventContent{MsgType: event.MsgText, Body: "a", NewContent: formatted("b")},
			want:    "a",
		},
		{name: "reply without HTML loses the copy", content: event.MessageEventContent{MsgType: event.MsgText, Body: "> <@a:b> old\n> older\n\nnew", RelatesTo: reply}, want: "new"},
		{name: "quote in a reply stays", content: event.MessageEventContent{MsgType: event.MsgText, Body: "> old\nnew", RelatesTo: reply}, want: "> old\nnew"},
		{
			name: "own profile's fallback is removed from the body",
			content: event.MessageEventContent{
				MsgType: event.MsgText, Body: "Cat: hi", BeeperPerMessageProfile: profile(),
			}, want: "hi",
		},
		{
			name: "own profile's fallback is removed from HTML, in every form of the attribute",
			content: event.MessageEventContent{
				MsgType: event.MsgText, Body: "Cat: hi", Format: event.FormatHTML,
				FormattedBody:           `<strong data-mx-profile-fallback="">Cat: </strong><em>hi</em>`,
				BeeperPerMessageProfile: profile(),
			}, want: "_hi_",
		},
		{
			name: "what only looks like a fallback stays",
			content: event.MessageEventContent{
				MsgType: event.MsgText, Body: "x", Format: event.FormatHTML,
				FormattedBody: `<strong data-mx-profile-fallback>Cat: </strong>hi`,
			}, want: "**Cat:** hi",
		},
		{name: "picture", content: event.MessageEventContent{MsgType: event.MsgImage, Body: "IMG_1_2.jpg", Info: info}, want: "📷 picture: IMG_1_2.jpg (1.2 MB)"},
		{name: "picture with caption", content: event.MessageEventContent{MsgType: event.MsgImage, Body: "look", FileName: "a.jpg"}, want: "📷 picture: a.jpg\nlook"},
		{
			name: "picture with formatted caption",
			content: event.MessageEventContent{
				MsgType: event.MsgImage, Body: "look", FileName: "a.jpg", Format: event.FormatHTML, FormattedBody: "<b>look</b>",
			}, want: "📷 picture: a.jpg\n**look**",
		},
		{
			name: "caption that is a list starts below",
			content: event.MessageEventContent{
				MsgType: event.MsgImage, Body: "look", FileName: "a.jpg", Format: event.FormatHTML, FormattedBody: "<ul><li>look</li></ul>",
			}, want: "📷 picture: a.jpg\n\n- look",
		},
		{name: "caption with nothing to read is left out", content: event.MessageEventContent{MsgType: event.MsgImage, Body: "\u200b", FileName: "a.jpg"}, want: "📷 picture: a.jpg"},
		{name: "location without anything", content: event.MessageEventContent{MsgType: event.MsgLocation}, want: "📍 location"},
		{name: "location without description", content: event.MessageEventContent{MsgType: event.MsgLocation, GeoURI: "geo:1,2"}, want: "📍 location: [geo:1,2](https://www.openstreetmap.org/?mlat=1&mlon=2#map=16/1/2)"},
		{name: "name repeated as body is no caption", content: event.MessageEventContent{MsgType: event.MsgFile, Body: "a.pdf", FileName: "a.pdf"}, want: "📎 file: a.pdf"},
		{name: "Markdown in a file name is escaped", content: event.MessageEventContent{MsgType: event.MsgFile, Body: "*a*\n.pdf"}, want: `📎 file: \*a\* .pdf`},
		{name: "file without name", content: event.MessageEventContent{MsgType: event.MsgFile}, want: "📎 file"},
		{name: "audio says how long it is", content: event.MessageEventContent{MsgType: event.MsgAudio, Body: "a.ogg", Info: &event.FileInfo{Duration: 65_000, Size: 999}}, want: "🎵 audio: a.ogg (1:05, 999 bytes)"},
		{name: "voice message", content: event.MessageEventContent{MsgType: event.MsgAudio, Body: "a.ogg", MSC3245Voice: &event.MSC3245Voice{}}, want: "🎤 voice message: a.ogg"},
		{name: "video", content: event.MessageEventContent{MsgType: event.MsgVideo, Body: "a.mp4"}, want: "🎬 video: a.mp4"},
		{name: "sticker", content: event.MessageEventContent{Body: "party cat"}, opts: WazoOptions{Sticker: true}, want: "🏷️ sticker: party cat"},
		{name: "location", content: event.MessageEventContent{MsgType: event.MsgLocation, Body: "Office", GeoURI: "geo:1.5,2"}, want: "📍 location: [Office](https://www.openstreetmap.org/?mlat=1.5&mlon=2#map=16/1.5/2)"},
		{name: "location that names its place", content: event.MessageEventContent{MsgType: event.MsgLocation, Body: "I am at geo:1.5,2", GeoURI: "geo:1.5,2"}, want: "📍 location: [I am at geo:1.5,2](https://www.openstreetmap.org/?mlat=1.5&mlon=2#map=16/1.5/2)"},
		{name: "location described by the map", content: event.MessageEventContent{MsgType: event.MsgLocation, Body: "https://www.openstreetmap.org/?mlat=1&mlon=2#map=16/1/2", GeoURI: "geo:1,2"}, want: "📍 location: https://www.openstreetmap.org/?mlat=1&mlon=2#map=16/1/2"},
		{name: "location with another scheme", content: event.MessageEventContent{MsgType: event.MsgLocation, Body: "Office", GeoURI: "javascript:x"}, want: "📍 location: Office"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := toWazo(t, &test.content, test.opts); got != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

func TestMessagesWithNothingToReadAreEmpty(t *testing.T) {
	for _, body := range []string{"", " \n", "\u200b", "\x00", "\u3164", "\u2800"} {
		c := event.MessageEventContent{MsgType: event.MsgText, Body: body}
		if got, err := ToWazo(&c, WazoOptions{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("%q: got %q, %v; want ErrEmpty", body, got, err)
		}
	}
}

func TestCharactersOfPrivateUseAreText(t *testing.T) {
	const logo = "\uf8ff" // on machines of Apple
	c := event.MessageEventContent{MsgType: event.MsgText, Body: logo}
	if got, err := ToWazo(&c, WazoOptions{}); got != logo || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestContentLimitIsExact(t *testing.T) {
	// Two bytes are for the quotes of JSON.
	fits := strings.Repeat("a", MaxContentBytes-2)
	for _, test := range []struct {
		name string
		body string
		want error
	}{
		{"at the limit", fits, nil},
		{"one past it", fits + "a", ErrTooLarge},
		{"at the limit, with a character of six bytes in JSON", fits[6:] + "<", nil},
		{"one past it, with a character of six bytes in JSON", fits[5:] + "<", ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ToWazo(&event.MessageEventContent{MsgType: event.MsgText, Body: test.body}, WazoOptions{})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestToWazoDoesNotChangeTheContent(t *testing.T) {
	content := func() *event.MessageEventContent {
		return &event.MessageEventContent{
			MsgType: event.MsgText, Body: "Cat: > <@a:b> x\n\nhi", Format: event.FormatHTML,
			FormattedBody:           "<mx-reply>x</mx-reply><strong data-mx-profile-fallback>Cat: </strong>hi",
			RelatesTo:               (&event.RelatesTo{}).SetReplyTo("$e"),
			BeeperPerMessageProfile: &event.BeeperPerMessageProfile{ID: "x", Displayname: "Cat", HasFallback: true},
		}
	}
	c := content()
	toWazo(t, c, WazoOptions{})
	if !reflect.DeepEqual(c, content()) {
		t.Errorf("changed to %+v", c)
	}
}

func TestReadableSizes(t *testing.T) {
	for bytes, want := range map[int]string{
		1: "1 byte", 2: "2 bytes", 999: "999 bytes", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1_500_000_000: "1.5 GB",
	} {
		if got := (words.Texts{}).Bytes(bytes); got != want {
			t.Errorf("%d: got %q, want %q", bytes, got, want)
		}
	}
}

func TestReadableDurations(t *testing.T) {
	for milliseconds, want := range map[int]string{
		1: "0:01", 59_000: "0:59", 60_000: "1:00", 3_605_000: "1:00:05", 1 << 40: "more than a day",
	} {
		if got := (wazoWriter{}).readableDuration(milliseconds); got != want {
			t.Errorf("%d: got %q, want %q", milliseconds, got, want)
		}
	}
}
