package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// This file says what there must be at the end of replies and reactions that are such on both sides, because Wazo has
// the plugin:
//
//   - A message of Wazo that is marked as a reply is a reply on Matrix, or has a quote. It may have neither if it was
//     shown together with others before it was marked.
//   - The bot has exactly the reactions on Matrix that people on Wazo have there, once per event and emoji, and a
//     notice below each event says who has reacted.
//   - A reaction on Matrix that is not redacted is a reaction on Wazo, or was shown by a line. One that is redacted is
//     none on Wazo.

// Plugin is what was found of replies and reactions that the plugin has shown.
type Plugin struct {
	Marked    int // messages from Matrix that are replies on Wazo
	Reacted   int // reactions from Matrix that are such on Wazo
	Answering int // messages from Wazo that are replies on Matrix
	Quoting   int // those that quote what they reply to instead
	Together  int // those that were shown together with others before they were marked
	OnMatrix  int // reactions of the bot
	Noticed   int // notices that say who has reacted
	// Unequal are replies and reactions that the other side does not have, or has and should not.
	Unequal int
}

func (g *Plugin) add(other Plugin) {
	g.Marked += other.Marked
	g.Reacted += other.Reacted
	g.Answering += other.Answering
	g.Quoting += other.Quoting
	g.Together += other.Together
	g.OnMatrix += other.OnMatrix
	g.Noticed += other.Noticed
	g.Unequal += other.Unequal
}

// botReaction is a reaction of the bot.
type botReaction struct {
	target id.EventID
	emoji  string
}

// related is what the bot's events say of replies and reactions in a place.
type related struct {
	showing  map[string][]id.EventID   // by message on Wazo
	answered map[id.EventID]id.EventID // what an event is a reply to
	bodies   map[id.EventID]string     // as last edited
	merged   map[id.EventID]bool       // events that show several messages
	reacted  map[botReaction]int
	notices  map[id.EventID][]id.EventID // by the event below which they say who has reacted
	gone     map[id.EventID]bool
}

func newRelated() related {
	return related{
		showing: make(map[string][]id.EventID), answered: make(map[id.EventID]id.EventID), bodies: make(map[id.EventID]string),
		merged: make(map[id.EventID]bool), reacted: make(map[botReaction]int), notices: make(map[id.EventID][]id.EventID), gone: make(map[id.EventID]bool),
	}
}

// note notes an event of a place.
func (r *related) note(evt *event.Event, isOfBot bool) {
	raw := evt.Content.Raw
	relation, _ := raw[relatesTo].(map[string]any)
	about, _ := relation["event_id"].(string)
	switch {
	case evt.Unsigned.RedactedBecause != nil:
		r.gone[evt.ID] = true
	case !isOfBot:
	case evt.Type == event.EventReaction:
		key, _ := relation["key"].(string)
		r.reacted[botReaction{id.EventID(about), key}]++
	case evt.Type == event.EventMessage:
		r.noteMessage(evt, relation, id.EventID(about))
	}
}

func (r *related) noteMessage(evt *event.Event, relation map[string]any, about id.EventID) {
	content := *evt.Content.AsMessage()
	if relation["rel_type"] == string(event.RelReplace) && content.NewContent != nil {
		r.bodies[about] = content.NewContent.Body
		return
	}
	r.bodies[evt.ID] = content.Body
	answered, _ := relation["m.in_reply_to"].(map[string]any)
	parent, _ := answered["event_id"].(string)
	tag, _ := evt.Content.Raw["io.wazo.relay"].(map[string]any)
	if tag["kind"] == "reactions" {
		r.notices[id.EventID(parent)] = append(r.notices[id.EventID(parent)], evt.ID)
		return
	}
	uuid, _ := tag["uuid"].(string)
	if uuid == "" {
		return
	}
	also, _ := tag["also"].([]any)
	r.merged[evt.ID] = len(also) > 0
	r.answered[evt.ID] = id.EventID(parent)
	r.showing[uuid] = append(r.showing[uuid], evt.ID)
	for _, other := range also {
		if uuid, ok := other.(string); ok {
			r.showing[uuid] = append(r.showing[uuid], evt.ID)
		}
	}
}

// isEdit says whether an event changes an earlier one.
func isEdit(evt *event.Event) bool {
	relation, _ := evt.Content.Raw[relatesTo].(map[string]any)
	return relation["rel_type"] == string(event.RelReplace)
}

// withoutQuoteAbove returns a message of Wazo without the quote that begins it if it is a reply.
func withoutQuoteAbove(body string) string {
	if _, text, found := strings.Cut(body, "\n\n"); found && strings.HasPrefix(body, "> ") {
		return text
	}
	return body
}

// nativeJudge compares what the plugin has with what is on Matrix, in one place.
type nativeJudge struct {
	*fixture
	place *place
	related
	expected *expectation
	found    Plugin
	problems []string
}

// judgeNatives compares what the plugin has of a place with what is on Matrix.
func (s *fixture) judgeNatives(p *place, r rooms, expected *expectation) *nativeJudge {
	j := &nativeJudge{fixture: s, place: p, related: r.related, expected: expected}
	if s.cfg.Plugin {
		j.judgeReplies()
		j.judgeReactions()
	}
	j.found.Marked, j.found.Reacted = expected.marked, len(expected.natives)
	j.found.Unequal += expected.unequal
	return j
}

func (j *nativeJudge) unequal(what string, args ...any) {
	j.found.Unequal++
	if len(j.problems) < maxExamples {
		j.problems = append(j.problems, "unequal: "+j.place.name+": "+fmt.Sprintf(what, args...))
	}
}

// eventsOf returns the events that show a message on Wazo: those of the bot, or the one from which it comes.
func (j *nativeJudge) eventsOf(uuid string) []id.EventID {
	if origin := j.expected.origins[uuid]; origin != "" {
		return []id.EventID{origin}
	}
	return j.showing[uuid]
}

// judgeReplies looks what became of the replies of Wazo on Matrix.
func (j *nativeJudge) judgeReplies() {
	marks := make(map[string]string)
	for _, y := range j.Wazo.Replies(j.place.Wazo) {
		marks[y.ChildUUID] = y.ParentUUID
	}
	for _, message := range j.Wazo.Messages(j.place.Wazo) {
		events := j.showing[message.UUID]
		if !j.authors.wrote(message.UUID) || len(events) == 0 {
			continue
		}
		shown, parent := events[0], marks[message.UUID]
		answered := j.answered[shown]
		switch {
		case parent == "" && answered == "":
		case parent == "":
			j.unequal("%q is a reply on Matrix only", message.Content)
		case answered != "" && slices.Contains(j.eventsOf(parent), answered):
			j.found.Answering++
		case answered != "":
			j.unequal("%q is a reply to something else", message.Content)
		case strings.Contains(j.bodies[shown], "> "):
			j.found.Quoting++
		case j.merged[shown]:
			j.found.Together++
		default:
			j.unequal("%q is no reply on Matrix", message.Content)
		}
	}
}

// judgeReactions compares the reactions of people on Wazo with those of the bot.
func (j *nativeJudge) judgeReactions() {
	wanted, who := make(map[botReaction]bool), make(map[id.EventID][]wazotest.Reaction)
	for _, x := range j.Wazo.Reactions(j.place.Wazo) {
		events := j.eventsOf(x.MessageUUID)
		if x.UserUUID == j.Cast.Relay.UUID || isOfMatrix(x) || len(events) == 0 || j.gone[events[0]] {
			continue
		}
		wanted[botReaction{events[0], convert.MatrixEmoji(x.Emoji)}] = true
		who[events[0]] = append(who[events[0]], x)
	}
	for reaction := range wanted {
		if j.reacted[reaction] != 1 {
			j.unequal("%d × %s of the bot to %q, and not 1", j.reacted[reaction], reaction.emoji, j.said(reaction.target))
		}
	}
	for reaction, n := range j.reacted {
		j.found.OnMatrix += n
		if !wanted[reaction] && !j.gone[reaction.target] {
			j.unequal("%s of the bot to %q, which nobody makes", reaction.emoji, j.said(reaction.target))
		}
	}
	j.judgeNotices(who)
}

// said returns what an event says, for the person who looks for what became of it.
func (j *nativeJudge) said(event id.EventID) string {
	return cmp.Or(j.bodies[event], j.expected.byEvent[event].text, event.String())
}

// judgeNotices looks whether the notices say who has reacted.
func (j *nativeJudge) judgeNotices(who map[id.EventID][]wazotest.Reaction) {
	for target, reactions := range who {
		notices := j.notices[target]
		j.found.Noticed += len(notices)
		if len(notices) == 0 && j.isObvious(reactions) {
			continue
		} else if len(notices) != 1 {
			j.unequal("%d notices below %q, and not 1", len(notices), j.said(target))
			continue
		}
		slices.SortStableFunc(reactions, func(a, b wazotest.Reaction) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.MessageUUID, b.MessageUUID))
		})
		var all convert.Reactions
		for _, x := range reactions {
			all = append(all, convert.Reaction{Emoji: convert.MatrixEmoji(x.Emoji), By: j.nameOf(x.UserUUID)})
		}
		if says := j.withMatrixNames(j.bodies[notices[0]]); says != all.Who(words.Texts{}) {
			j.unequal("a notice below %q says %q, and not %q", j.said(target), says, all.Who(words.Texts{}))
		}
	}
	for target, notices := range j.notices {
		if len(who[target]) == 0 && !j.gone[target] {
			j.unequal("%d notices below %q, to which nobody reacts", len(notices), j.said(target))
		}
	}
}

// isObvious says whether there may be only one person on Wazo who can have reacted.
func (j *nativeJudge) isObvious(reactions []wazotest.Reaction) bool {
	candidates := make(map[string]bool)
	for _, author := range j.place.authors {
		if j.loginOf(author.UUID) == nil {
			candidates[author.UUID] = true
		}
	}
	for _, x := range reactions {
		candidates[x.UserUUID] = true
	}
	return len(candidates) < 2
}

// nameOf returns the name of somebody on Wazo on Matrix.
func (j *nativeJudge) nameOf(user string) string {
	if l := j.loginOf(user); l != nil {
		return l.name
	}
	at := slices.IndexFunc(j.place.authors, func(u wazotest.User) bool { return u.UUID == user })
	if at < 0 {
		return user
	}
	return j.place.authors[at].Firstname + " " + j.place.authors[at].Lastname
}

// withMatrixNames gives those who have logged in the names that they have on Matrix: while they were logged out, they
// had those on Wazo.
func (j *nativeJudge) withMatrixNames(text string) string {
	for _, l := range j.logins {
		text = strings.ReplaceAll(text, l.account.Firstname+" "+l.account.Lastname, l.name)
	}
	return text
}

// isAboutReactions says whether an event of the bot is a notice that says who has reacted.
func isAboutReactions(evt *event.Event) bool {
	tag, _ := evt.Content.Raw["io.wazo.relay"].(map[string]any)
	return tag["kind"] == "reactions"
}
