package relay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// related is an event to which others will relate.
type related struct {
	target id.EventID
	lift   func() // ends what was special about it; may be nil
	first  string // what is on Wazo before what relates to it; "": nothing
}

// TestRelationsSurvive: whatever becomes of an event, what relates to it arrives, says as much of it as people on Wazo
// may know, and stays in order.
func TestRelationsSurvive(t *testing.T) {
	t.Parallel()
	const said = "We meet in the large room at 14:03 today."
	const edited = "We meet in the large room at 14:30 today."
	for name, test := range map[string]struct {
		begin   func(f *fixture) related
		related []string // what a reply, a reaction and an edit become
		removed []string // what a reaction and then a redaction become, and what was said before if it is withdrawn
	}{
		"what is on Wazo": {
			func(f *fixture) related {
				f.link()
				target := f.matrix.say(adminUser, said)
				f.awaitRelayed(said)
				return related{target: target, first: said}
			},
			[]string{said, "reply\n\n> Ada: We meet in the large room at 14:03…", `👍 to "We meet in the large room at 14:03…"`, "✏️ 14:30 instead of 14:03", "end"},
			[]string{said, "REMOVED", "end"}, // the reaction waits, and is withdrawn
		},
		"what still waits": {
			func(f *fixture) related {
				f.link()
				down := f.wazo.Faults().ChatdDown()
				first := f.matrix.say(adminUser, "attempted")
				f.awaitRow(first)
				return related{target: f.matrix.say(adminUser, said), lift: down.Off}
			},
			[]string{"attempted", edited, "reply\n\n> Ada: We meet in the large room at 14:30…", `👍 to "We meet in the large room at 14:30…"`, "end"},
			[]string{"attempted", "end"},
		},
		"what is parked": {
			func(f *fixture) related {
				f.link()
				f.wazo.Faults().RefusePost(wazotest.Answer{Status: 400, Body: "{}"}, wazotest.Times(1))
				target := f.matrix.say(adminUser, said)
				f.matrix.awaitNotice(txt.Why(words.WhyWazoRefused))
				return related{target: target}
			},
			[]string{"reply\n\n> Ada: We meet in the large room at 14:03…", `👍 to "We meet in the large room at 14:03…"`, edited, "end"},
			[]string{"end"},
		},
		"what was merged": {
			func(f *fixture) related {
				f.link()
				_, release := f.backlog([]line{{f.alice, "one"}, {f.bob, "two"}}, nil)
				release()
				await.Until(f, "the merged event", func() bool { return len(f.matrix.shown()) == 2 })
				f.awaitEmpty()
				return related{target: f.shownEvent("two")}
			},
			[]string{"reply\n\n> Bob Stone: two", `👍 to "two"`, "✏️ " + edited, "end"},
			[]string{"REMOVED Bob Stone", "end"},
		},
		"what came in several parts": {
			func(f *fixture) related {
				f.link()
				f.wazo.Post(f.room.UUID, f.alice, strings.Repeat("the first part ", 1000)+"\n\n"+strings.Repeat("the other part ", 1000), "")
				await.Until(f, "the parts", func() bool { return len(f.matrix.shown()) == 2 })
				f.awaitEmpty()
				shown := f.awaitEvents(2)
				require.True(f, strings.HasPrefix(shown[1].Body, "Alice Martin: the other part"), shown[1].Body[:60])
				return related{target: f.shownEvent("the other part")}
			},
			[]string{"reply\n\n> Alice Martin: the other part the other part the…", `👍 to "the other part the other part the…"`, "✏️ " + edited, "end"},
			[]string{"REMOVED Alice Martin", "end"},
		},
		"what was said before the link": {
			func(f *fixture) related {
				target := f.matrix.say(adminUser, "a secret")
				f.link()
				return related{target: target}
			},
			[]string{"reply\n\n> ↩️ Ada", "👍 to an earlier message", "✏️ " + edited, "end"},
			[]string{"end"},
		},
		"what is encrypted and cannot be read": {
			func(f *fixture) related {
				f.link()
				target := f.matrix.sayEncrypted(adminUser, "S", writtenThen)
				f.awaitPassedOver(target)
				return related{target: target}
			},
			// The edit can be read, and takes the place of what cannot.
			[]string{late(edited), "reply\n\n> Ada: We meet in the large room at 14:30…", `👍 to "We meet in the large room at 14:30…"`, "end"},
			[]string{"end"},
		},
		"what is not known": {
			func(f *fixture) related {
				f.link()
				return related{target: "$nowhere"}
			},
			[]string{"reply", "👍 to an earlier message", "✏️ " + edited, "end"},
			[]string{"end"},
		},
	} {
		for _, down := range []bool{false, true} {
			if down {
				name += ", while the relay is down"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				t.Run("reply, reaction and edit", func(t *testing.T) {
					t.Parallel()
					f := surviving(t)
					begun := test.begin(f)
					f.whileAway(down, func() {
						f.reply(bea, begun.target, "reply")
						f.react(bea, begun.target, "👍")
						f.edit(adminUser, begun.target, edited)
					}, begun.lift)
					f.awaitOnWazo("end")
					f.awaitEmpty()
					require.Equal(t, test.related, f.relayed())
				})
				t.Run("reaction and redaction", func(t *testing.T) {
					t.Parallel()
					f := surviving(t)
					begun := test.begin(f)
					want := strings.Join(test.removed, "\n")
					if begun.first != "" {
						want = strings.Replace(want, "REMOVED", f.removed(begun.first, ""), 1)
					}
					for _, author := range []string{"Bob Stone", "Alice Martin"} {
						for _, m := range f.wazo.Messages(f.room.UUID) {
							if strings.Contains(want, "REMOVED "+author) && m.UserUUID != f.relay.UUID {
								want = strings.Replace(want, "REMOVED "+author, f.removed(m.Content, author), 1)
							}
						}
					}
					f.whileAway(down, func() {
						f.react(bea, begun.target, "👍")
						f.matrix.redact(adminUser, begun.target, true)
					}, begun.lift)
					f.awaitOnWazo("end")
					f.awaitEmpty()
					require.Equal(t, want, strings.Join(f.relayed(), "\n"))
				})
			})
		}
	}
}

func surviving(t *testing.T) *fixture {
	f := newFixture(t)
	f.start()
	return f
}

// whileAway does something of which the relay learns at once, together with an end that is said. If down is true, it is
// not running meanwhile.
func (f *fixture) whileAway(down bool, do, lift func()) {
	if down {
		f.halt()
	}
	f.matrix.setPaused(true)
	do()
	end := f.matrix.say(adminUser, "end")
	f.matrix.setPaused(false)
	if down {
		f.start()
	}
	if lift != nil {
		f.awaitRow(end)
		lift()
	}
}
