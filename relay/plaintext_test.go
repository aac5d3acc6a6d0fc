package relay

import (
	"testing"

	"maunium.net/go/mautrix/event"
)

func TestWazoWithoutMarkdown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.plainText = true
	f.start()
	f.link()
	f.matrix.add(roomID, adminUser, event.EventMessage, map[string]any{
		"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
		"formatted_body": `<b>snake_case*</b> and <a href="https://a.example/b">a link</a>`,
	})
	f.awaitRelayed("snake_case* and a link (https://a.example/b)")
	f.wazo.Post(f.room.UUID, f.alice, "*not* :smile:", "")
	f.awaitShown("Alice Martin: *not* :smile:")
	f.matrix.hasPictures("https://b.example/cat.jpeg")
	f.wazo.Post(f.room.UUID, f.alice, "![a cat](https://b.example/cat.jpeg)", "")
	f.awaitShown("Alice Martin: *not* :smile:", "Alice Martin: ![a cat](https://b.example/cat.jpeg)")
}

func TestEditsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.relations.WithoutEdits = true
	f.start()
	f.link()
	hello := f.matrix.say(adminUser, "hello")
	f.awaitRelayed("hello")
	f.edit(adminUser, hello, "hallo")
	down := f.wazo.Faults().ChatdDown()
	f.matrix.say(adminUser, "attempted")
	waits := f.matrix.say(adminUser, "waits")
	f.edit(adminUser, waits, "waits, edited")
	f.awaitRow(f.matrix.say(adminUser, "end"))
	down.Off()
	f.awaitRelayed("hello", "attempted", "waits, edited", "end")
}
