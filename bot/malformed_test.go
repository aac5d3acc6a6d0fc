package bot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// malformedEvents are what strangers could send. %ID% becomes an event id of its own.
var malformedEvents = map[string]string{
	"null":                      `null`,
	"a number":                  `7`,
	"a text":                    `"event"`,
	"a list":                    `[]`,
	"an empty object":           `{}`,
	"nothing but an id":         `{"event_id":"%ID%"}`,
	"no id":                     `{"type":"m.room.message","sender":"@eve:a.example","content":{"msgtype":"m.text","body":"x"}}`,
	"a number as id":            message(`"event_id":7`),
	"null as id":                message(`"event_id":null`),
	"an empty id":               message(`"event_id":""`),
	"a huge id":                 message(`"event_id":"$` + strings.Repeat("x", 60_000) + `"`),
	"NUL in the id":             message(`"event_id":"%ID%\u0000x"`),
	"no sender":                 `{"type":"m.room.message","event_id":"%ID%","content":{"msgtype":"m.text","body":"x"}}`,
	"a number as sender":        message(`"event_id":"%ID%","sender":7`),
	"a sender that is no user":  message(`"event_id":"%ID%","sender":"eve"`),
	"no type":                   `{"event_id":"%ID%","sender":"@eve:a.example","content":{"msgtype":"m.text","body":"x"}}`,
	"a number as type":          `{"type":7,"event_id":"%ID%","sender":"@eve:a.example","content":{"body":"x"}}`,
	"an object as type":         `{"type":{"type":"m.room.message"},"event_id":"%ID%","sender":"@eve:a.example","content":{"body":"x"}}`,
	"an unknown type":           `{"type":"org.example.new","event_id":"%ID%","sender":"@eve:a.example","content":{"x":[1,{"y":null}]}}`,
	"an unknown type with text": `{"type":"org.example.new","event_id":"%ID%","sender":"@eve:a.example","content":{"body":"hi"}}`,
	"an unknown type, no text":  `{"type":"org.example.new","event_id":"%ID%","sender":"@eve:a.example","content":{"body":{"x":1}}}`,

	"no content":              `{"type":"m.room.message","event_id":"%ID%","sender":"@eve:a.example"}`,
	"null as content":         withContent(`null`),
	"a text as content":       withContent(`"x"`),
	"a list as content":       withContent(`[{"msgtype":"m.text","body":"x"}]`),
	"a number as content":     withContent(`1e400`),
	"an empty content":        withContent(`{}`),
	"a number as body":        withContent(`{"msgtype":"m.text","body":7}`),
	"null as body":            withContent(`{"msgtype":"m.text","body":null}`),
	"an object as body":       withContent(`{"msgtype":"m.text","body":{}}`),
	"no body":                 withContent(`{"msgtype":"m.text"}`),
	"an empty body":           withContent(`{"msgtype":"m.text","body":""}`),
	"NUL in the body":         withContent(`{"msgtype":"m.text","body":"a\u0000b"}`),
	"half a surrogate pair":   withContent(`{"msgtype":"m.text","body":"a\ud800b"}`),
	"bytes that are no UTF-8": withContent("{\"msgtype\":\"m.text\",\"body\":\"a\xff\xfeb\"}"),
	"a huge body":             withContent(`{"msgtype":"m.text","body":"` + strings.Repeat("x", 64_000) + `"}`),
	"a deep content":          withContent(`{"msgtype":"m.text","body":"x","deep":` + strings.Repeat(`[`, 2000) + strings.Repeat(`]`, 2000) + `}`),
	"deep HTML":               withContent(`{"msgtype":"m.text","body":"x","format":"org.matrix.custom.html","formatted_body":"` + strings.Repeat("<b>", 5000) + `"}`),
	"no msgtype":              withContent(`{"body":"x"}`),
	"a number as msgtype":     withContent(`{"msgtype":7,"body":"x"}`),
	"an unknown msgtype":      withContent(`{"msgtype":"org.example.new","body":"x"}`),
	"a number as HTML":        withContent(`{"msgtype":"m.text","body":"x","format":"org.matrix.custom.html","formatted_body":7}`),
	"a text as relation":      withContent(`{"msgtype":"m.text","body":"x","m.relates_to":"x"}`),
	"a list as relation":      withContent(`{"msgtype":"m.text","body":"x","m.relates_to":[1]}`),
	"an edit of nothing":      withContent(`{"msgtype":"m.text","body":"x","m.relates_to":{"rel_type":"m.replace","event_id":7},"m.new_content":7}`),
	"a text as mentions":      withContent(`{"msgtype":"m.text","body":"x","m.mentions":"all"}`),
	"a number as url":         withContent(`{"msgtype":"m.image","body":"x.png","url":7,"info":"x"}`),
	"an image without url":    withContent(`{"msgtype":"m.image","body":"x.png"}`),
	"a number as our key":     withContent(`{"msgtype":"m.text","body":"x","io.wazo.relay":7}`),
	"garbage in our key":      withContent(`{"msgtype":"m.text","body":"x","io.wazo.relay":{"kind":7,"portal":"x"}}`),
	"a stranger's linked tag": withContent(`{"msgtype":"m.text","body":"x","io.wazo.relay":{"kind":"linked","portal":1}}`),
	"a profile of nonsense":   withContent(`{"msgtype":"m.text","body":"x","com.beeper.per_message_profile":{"id":7}}`),

	"a text as timestamp":      message(`"event_id":"%ID%","origin_server_ts":"now"`),
	"a fraction as timestamp":  message(`"event_id":"%ID%","origin_server_ts":1.5`),
	"a huge timestamp":         message(`"event_id":"%ID%","origin_server_ts":1e300`),
	"a negative timestamp":     message(`"event_id":"%ID%","origin_server_ts":-1`),
	"a text as unsigned":       message(`"event_id":"%ID%","unsigned":"x"`),
	"a text as age":            message(`"event_id":"%ID%","unsigned":{"age":"old"}`),
	"a huge age":               message(`"event_id":"%ID%","unsigned":{"age":9223372036854775807}`),
	"a text as prev_content":   message(`"event_id":"%ID%","unsigned":{"prev_content":"x"}`),
	"a redaction of nonsense":  message(`"event_id":"%ID%","unsigned":{"redacted_because":"x"}`),
	"a number as redacts":      message(`"event_id":"%ID%","redacts":7`),
	"a number as state key":    message(`"event_id":"%ID%","state_key":7`),
	"another room as room":     message(`"event_id":"%ID%","room_id":"!elsewhere:a.example"`),
	"a number as room":         message(`"event_id":"%ID%","room_id":7`),
	"a member of nonsense":     state("m.room.member", "@eve:a.example", `{"membership":7,"displayname":{}}`),
	"a member that is no user": state("m.room.member", "eve", `{"membership":"join"}`),
	"a member without content": state("m.room.member", "@eve:a.example", `null`),
	"powers of nonsense":       state("m.room.power_levels", "", `{"users":"all","events":[1]}`),
	"a name of nonsense":       state("m.room.name", "", `{"name":7}`),
	"an access of nonsense":    state("m.room.join_rules", "", `{"join_rule":7}`),
	"a visibility of nonsense": state("m.room.history_visibility", "", `7`),

	"an encrypted nothing":        encrypted(`{}`),
	"an unknown algorithm":        encrypted(`{"algorithm":"m.rot13","ciphertext":"uryyb","session_id":"x","sender_key":"y","device_id":"z"}`),
	"a number as algorithm":       encrypted(`{"algorithm":7}`),
	"an object as ciphertext":     encrypted(`{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":{"x":1},"session_id":"x"}`),
	"a ciphertext without a key":  encrypted(`{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"AwgA","session_id":"x","sender_key":"y","device_id":"z"}`),
	"a command of nonsense":       withContent(`{"msgtype":"m.text","body":"!wazo ping","format":"org.matrix.custom.html","formatted_body":7}`),
	"a command with NUL":          withContent(`{"msgtype":"m.text","body":"!wazo \u0000"}`),
	"a command that is an object": withContent(`{"msgtype":"m.text","body":"!wazo ping","org.matrix.msc4391.command":7}`),
	"a command with two meanings": withContent(`{"msgtype":"m.text","body":"!wazo ping","m.mentions":{"user_ids":["@bot:a.example"]},"org.matrix.msc4391.command":{"command":"","arguments":"x"}}`),
	"a reaction of nonsense":      `{"type":"m.reaction","event_id":"%ID%","sender":"@eve:a.example","content":{"m.relates_to":7}}`,
}

func message(members string) string {
	if !strings.Contains(members, `"sender"`) {
		members += `,"sender":"@eve:a.example"`
	}
	return `{"type":"m.room.message","content":{"msgtype":"m.text","body":"x"},` + members + `}`
}

func withContent(content string) string {
	return `{"type":"m.room.message","event_id":"%ID%","sender":"@eve:a.example","content":` + content + `}`
}

func state(eventType, key, content string) string {
	return fmt.Sprintf(`{"type":%q,"state_key":%q,"event_id":"%%ID%%","sender":"@eve:a.example","content":%s}`, eventType, key, content)
}

func encrypted(content string) string {
	return `{"type":"m.room.encrypted","event_id":"%ID%","sender":"@eve:a.example","content":` + content + `}`
}

func TestMalformedEventsHarmNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	for name, raw := range malformedEvents {
		ok := t.Run(name, func(t *testing.T) {
			raw := strings.ReplaceAll(raw, "%ID%", string(f.hs.newEventID()))
			before, after := "before "+name, "after "+name
			f.hs.pushTimeline(roomID, f.hs.text(adminUser, before), raw, f.hs.text(adminUser, after))
			f.T = t
			f.awaitOnWazo(before)
			f.awaitOnWazo(after)
			require.Equal(t, 1, f.countOnWazo(before))
			require.Equal(t, 1, f.countOnWazo(after))
		})
		require.True(t, ok, "what follows would fail for the same reason")
	}
	f.T = t
	f.hs.allSeen()
	require.NotContains(t, strings.ToLower(f.logged.String()), "panic")
	portal, err := f.core.Portal(t.Context(), roomID)
	require.NoError(t, err)
	require.NotNil(t, portal)
	pauses, err := f.db.Pause.Of(t.Context(), portal.ID)
	require.NoError(t, err)
	require.Empty(t, pauses, "a stranger's event paused the portal")
}

func TestMalformedEventsElsewhereInTheAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	var all []string
	for _, raw := range malformedEvents {
		all = append(all, strings.ReplaceAll(raw, "%ID%", string(f.hs.newEventID())))
	}
	events := `{"events":[` + strings.Join(all, ",") + `]}`
	for name, members := range map[string]string{
		"state":                   fmt.Sprintf(`"rooms":{"join":{%q:{"state":%s}}}`, roomID, events),
		"invite":                  fmt.Sprintf(`"rooms":{"invite":{%q:{"invite_state":%s}}}`, otherRoom, events),
		"leave":                   fmt.Sprintf(`"rooms":{"leave":{%q:{"timeline":%s}}}`, otherRoom, events),
		"to_device":               `"to_device":` + events,
		"a room that is unlinked": fmt.Sprintf(`"rooms":{"join":{%q:{"timeline":%s}}}`, "!unlinked:a.example", events),
	} {
		f.hs.push(members)
		f.hs.say(roomID, adminUser, "after "+name)
		f.awaitOnWazo("after " + name)
	}
	require.NotContains(t, strings.ToLower(f.logged.String()), "panic")
}

// A page of a gap is read by the same rules.
func TestMalformedEventsInAGap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.first()
	f.link()
	all := []string{f.hs.text(adminUser, "newer")}
	for _, raw := range malformedEvents {
		all = append(all, strings.ReplaceAll(raw, "%ID%", string(f.hs.newEventID())))
	}
	all = append(all, f.hs.text(adminUser, "older"))
	f.hs.mu.Lock()
	f.hs.pages["gap"] = `{"chunk":[` + strings.Join(all, ",") + `]}`
	f.hs.mu.Unlock()
	f.hs.push(timeline(roomID, `"limited":true,"prev_batch":"gap","events":[`+f.hs.text(adminUser, "newest")+`]`))
	f.awaitOnWazo("older")
	f.awaitOnWazo("newer")
	f.awaitOnWazo("newest")
}
