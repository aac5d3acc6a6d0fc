package bot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// A conversation is a file in testdata: chat in, chat out. To add one is to add a file.
//
//	# a comment
//	robin> !wazo ping            robin says something in the main room; \n is a line break
//	bot> Pong! [...]             the bot answers there; [...] is anything
//	   | more                    … in several lines
//	robin@side> hello            in another room
//	: room side robin eve        makes a room of these people and the bot
//	: power eve 50 [room]        changes a power level, also the bot's
//	: state TYPE JSON [room]     changes the room's state on the homeserver
//	: event TYPE JSON [room]     tells the bot of a change of the state
//	: age 3m                     what is said next was said so long ago
//	: html <b>!wazo</b> ping     what is said next has this formatted body
//	: emote                      what is said next is an emote (/me)
//	: edit                       what is said next is an edit of the message before it
//	: invite robin side          robin invites the bot
//	: prefix !chat               the bot's command prefix, if it is not !wazo; only in the first line
//	: linked                     waits until the main room's link has begun
//	: wazo alice text            alice says something in the chat "Project"
//	: on-wazo text               the relay says something in the chat "Project"; [...] is anything
//	: not-on-wazo text           the relay has not said something in the chat "Project"; [...] is anything
//	: login sam alice            sam logs in to Wazo as alice
//	: unreadable robin text      robin says something encrypted, whose key the bot does not get
//	: key robin                  the bot gets the key of all that robin said encrypted
//
// robin is an administrator, sam may use the bot, mod is only moderator of the main room, eve nobody. On Wazo are
// alice, bob and the chats "Project" (alice, bob), "Lunch" (alice) and "Secret", in which the relay is not. Everything
// that the bot says must be expected, in the order of the questions.
type conversation struct {
	*fixture
	file string
	line int
	said map[int]bool // what of the sent events was expected
	age  time.Duration
	html string

	emote, edit bool
	last        id.EventID // of what was said last, also by an edit of it

	encrypters map[string]*encrypter
}

func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			c := &conversation{fixture: newFixture(t), file: file, said: make(map[int]bool)}
			c.readPrefix()
			c.start()
			c.awaitNews()
			c.first()
			c.hs.addRoom(roomID, person("robin"), person("sam"), person("mod"), person("eve"))
			c.power("mod", 50, roomID)
			c.power("sam", 0, roomID)
			c.power("eve", 0, roomID)
			c.hs.pushMembers(roomID)
			c.play()
			c.finish()
		})
	}
}

// awaitNews waits until the relay has looked for what was written on Wazo before its start.
func (c *conversation) awaitNews() {
	c.Helper()
	await.Until(c, "the relay to have looked for news", func() bool {
		health, err := c.core.Health(c.Context())
		return err == nil && health.Wazo.OK
	})
}

// readPrefix takes over the command prefix that the first line may name.
func (c *conversation) readPrefix() {
	c.Helper()
	data, err := os.ReadFile(c.file)
	require.NoError(c, err)
	first, _, _ := strings.Cut(string(data), "\n")
	if prefix, ok := strings.CutPrefix(first, ": prefix "); ok {
		c.prefix = prefix
	}
}

func person(name string) id.UserID {
	if name == "bot" {
		return botUser
	}
	return id.UserID("@" + name + ":a.example")
}

func roomNamed(name string) id.RoomID {
	if name == "" || name == "main" {
		return roomID
	}
	return id.RoomID("!" + name + ":a.example")
}

var spoken = regexp.MustCompile(`^(\w+)(?:@(\w+))?> (.*)$`)

func (c *conversation) play() {
	c.Helper()
	file, err := os.Open(c.file)
	require.NoError(c, err)
	defer file.Close()
	var expected string // of the bot, perhaps with more lines to come
	var where id.RoomID
	flush := func() {
		if expected != "" {
			c.expect(where, expected)
			expected = ""
		}
	}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimRight(lines.Text(), " ")
		if more, ok := strings.CutPrefix(line, "   |"); ok && expected != "" {
			expected += "\n" + strings.TrimPrefix(more, " ")
			continue
		}
		flush()
		c.line = number
		match := spoken.FindStringSubmatch(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, ": "):
			c.direct(strings.TrimPrefix(line, ": "))
		case match == nil:
			c.fail("cannot read %q", line)
		case match[1] == "bot":
			expected, where = match[3], roomNamed(match[2])
		default:
			c.speak(roomNamed(match[2]), person(match[1]), strings.ReplaceAll(match[3], `\n`, "\n"))
		}
	}
	require.NoError(c, lines.Err())
	flush()
}

func (c *conversation) fail(format string, args ...any) {
	c.Helper()
	c.Fatal(c.place() + fmt.Sprintf(format, args...))
}

// place is where the conversation is.
func (c *conversation) place() string { return fmt.Sprintf("%s:%d: ", c.file, c.line) }

func (c *conversation) speak(room id.RoomID, who id.UserID, text string) {
	raw := c.hs.textOfAge(who, text, c.age)
	var evt map[string]any
	require.NoError(c, json.Unmarshal([]byte(raw), &evt))
	content := evt["content"].(map[string]any)
	if c.html != "" {
		content["format"], content["formatted_body"] = "org.matrix.custom.html", c.html
	}
	if c.emote {
		content["msgtype"] = "m.emote"
	}
	if c.edit {
		evt["content"] = map[string]any{
			"msgtype": "m.text", "body": "* " + text, "m.new_content": content,
			"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": c.last},
		}
	} else {
		c.last = id.EventID(evt["event_id"].(string))
	}
	c.age, c.html, c.emote, c.edit = 0, "", false, false
	c.hs.pushTimeline(room, string(toJSON(evt)))
}

// expect waits for something that the bot says in a room.
func (c *conversation) expect(room id.RoomID, pattern string) {
	c.Helper()
	wanted := wantedText(pattern)
	c.hs.await(c.place()+fmt.Sprintf("the bot to say in %s:\n%s", room, pattern), func() bool {
		for i, sent := range c.hs.sent {
			if !c.said[i] && sent.Room == room && wanted.MatchString(strings.TrimSpace(sent.body())) {
				c.said[i] = true
				return true
			}
		}
		return false
	})
}

// wantedText is the expression for a text in which [...] is anything.
func wantedText(pattern string) *regexp.Regexp {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), regexp.QuoteMeta("[...]"), ".*")
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}

// expectOnWazo waits for something that the relay says in the chat "Project".
func (c *conversation) expectOnWazo(pattern string) {
	c.Helper()
	wanted := wantedText(pattern)
	await.Until(c, c.place()+"the relay to say on Wazo:\n"+pattern, func() bool { return c.isOnWazo(wanted) })
}

// isOnWazo reports whether the relay has said something in the chat "Project".
func (c *conversation) isOnWazo(wanted *regexp.Regexp) bool {
	return slices.ContainsFunc(c.wazo.Messages(c.project.UUID), func(m wazotest.Message) bool {
		return m.UserUUID == c.account.UUID && wanted.MatchString(m.Content)
	})
}

// unexpected returns what the bot said that was not expected.
func (c *conversation) unexpected() string {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	var b strings.Builder
	for i, sent := range c.hs.sent {
		if !c.said[i] {
			fmt.Fprintf(&b, "bot@%s> %s\n", sent.Room, sent.body())
		}
	}
	return b.String()
}

// direct carries out a line that begins with a colon.
func (c *conversation) direct(line string) {
	c.Helper()
	words := strings.Fields(line)
	argument := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	rest := func(n int) string { return strings.TrimSpace(strings.SplitN(line, " ", n+1)[n]) }
	switch words[0] {
	case "room":
		var members []id.UserID
		for _, name := range words[2:] {
			members = append(members, person(name))
		}
		c.hs.addRoom(roomNamed(words[1]), members...)
		c.hs.pushMembers(roomNamed(words[1]))
	case "power":
		level, err := strconv.Atoi(words[2])
		require.NoError(c, err)
		c.power(words[1], level, roomNamed(argument(3)))
	case "state":
		c.hs.setState(roomNamed(argument(3)), words[1], json.RawMessage(words[2]))
	case "event":
		c.hs.pushTimeline(roomNamed(argument(3)), string(toJSON(map[string]any{
			"type": words[1], "state_key": "", "event_id": c.hs.newEventID(), "sender": person("robin"), "content": json.RawMessage(words[2]),
		})))
	case "age":
		age, err := time.ParseDuration(words[1])
		require.NoError(c, err)
		c.age = age
	case "emote":
		c.emote = true
	case "edit":
		c.edit = true
	case "not-on-wazo":
		require.False(c, c.isOnWazo(wantedText("[...]"+rest(1)+"[...]")), "%s is on Wazo: %s", c.place(), rest(1))
	case "html":
		c.html = rest(1)
	case "invite":
		c.hs.invite(roomNamed(words[2]), person(words[1]))
	case "login":
		_, err := c.core.LogIn(c.Context(), person(words[1]), relay.LogInRequest{Username: words[2], Password: []byte("secret")})
		require.NoError(c, err)
	case "linked":
		c.awaitLinked()
	case "unreadable":
		c.hs.pushTimeline(roomID, c.encrypter(words[1]).message(rest(2)))
	case "key":
		c.hs.push(c.encrypter(words[1]).wholeKey())
	case "on-wazo":
		c.expectOnWazo(rest(1))
	case "prefix": // see readPrefix
	case "wazo":
		c.wazo.Post(c.project.UUID, c.alice, rest(2), "")
	default:
		c.fail("unknown directive %q", words[0])
	}
}

// encrypter returns the device by which somebody says what is encrypted.
func (c *conversation) encrypter(name string) *encrypter {
	if c.encrypters[name] == nil {
		if c.encrypters == nil {
			c.encrypters = make(map[string]*encrypter)
		}
		c.encrypters[name] = c.newEncrypter(person(name))
	}
	return c.encrypters[name]
}

func (c *conversation) power(name string, level int, room id.RoomID) {
	c.Helper()
	c.hs.mu.Lock()
	powers := c.hs.rooms[room].state["m.room.power_levels"]
	c.hs.mu.Unlock()
	var content map[string]any
	require.NoError(c, json.Unmarshal(powers, &content))
	content["users"].(map[string]any)[person(name).String()] = level
	c.hs.setState(room, "m.room.power_levels", content)
}

// finish checks that the bot has said nothing else. Its answer to a last question comes after everything in the room.
func (c *conversation) finish() {
	c.Helper()
	c.power("bot", 100, roomID)
	c.hs.say(roomID, person("robin"), c.prefix+" ping")
	c.expect(roomID, "Pong! [...]")
	c.stop()
	require.Empty(c, c.unexpected(), "%s: the bot says more than is expected", c.file)
}
