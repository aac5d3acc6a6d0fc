package chaos

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// rooms holds the messages of both rooms of a place, as the servers have them.
type rooms struct {
	saidOnWazo []said
	onMatrix   []arrival
	done       []happened // on Matrix
	onWazo     []line
	quotable   map[id.EventID][]string // what the bot's events say
	uncertain  map[id.EventID]bool     // messages of people that the homeserver has given no certain place
	late       int                     // messages that were posted late, because their key came late
	takenBack  int                     // events that the relay took back, because the homeserver stored them late
	unreadable int
	native     int // messages from Matrix that the accounts of their senders have posted
	instead    int // messages of people who have logged in that the relay's account has posted
	strange    int // messages of people who have logged in that are shown under another name than on Matrix
	related    related
}

// read reads both rooms, the one on Matrix through a person's client. The order is
// that of the servers: the timeline on Matrix, and created_at on Wazo.
func (s *fixture) read(ctx context.Context, p *place) (rooms, error) {
	r := rooms{quotable: make(map[id.EventID][]string), related: newRelated()}
	history, reader, err := p.history(ctx)
	if err != nil {
		return r, err
	}
	if err := s.record(p, history); err != nil {
		return r, err
	}
	r.uncertain = withoutPlace(history, reader.Timeline(p.Matrix))
	for _, evt := range history {
		r.addEvent(s, p, evt)
	}
	if err := s.readFurther(ctx, p, &r); err != nil {
		return r, err
	}
	parents := make(map[string]string)
	for _, y := range s.Wazo.Replies(p.Wazo) {
		parents[y.ChildUUID] = y.ParentUUID
	}
	for _, message := range s.Wazo.Messages(p.Wazo) {
		switch who, native, relayed := s.saidBy(message); {
		case relayed:
			text, late := withoutLateLine(message.Content)
			r.onWazo = append(r.onWazo, line{who: who, text: text, late: late, at: message.CreatedAt, uuid: message.UUID, parent: parents[message.UUID]})
			if late {
				r.late++
			}
			if native {
				r.native++
			} else if s.hasLogin(who) {
				r.instead++
			}
		case !s.FromRelay(message):
			r.saidOnWazo = append(r.saidOnWazo, said{
				key: toMatrixKey(p, message.UserUUID, shownShortcodes(message.Content)), excused: s.authors.isExcused(message.UUID),
			})
		}
	}
	return r, nil
}

// readers are the people through whose clients a place is read on Matrix. In a
// conversation nobody sees what was said before they were invited, and the relay begins
// as soon as somebody has joined.
func (p *place) readers() []*harness.Client {
	if p.private {
		return p.people
	}
	return p.people[:1]
}

// history returns what was said in the room on Matrix, as the person sees it who sees
// most of it, and this person.
func (p *place) history(ctx context.Context) (history []*event.Event, reader *harness.Client, err error) {
	for _, person := range p.readers() {
		var seen []*event.Event
		if p.Matrix != "" {
			if seen, err = person.History(ctx, p.Matrix); err != nil {
				return nil, nil, err
			}
		}
		if reader == nil || len(seen) > len(history) {
			history, reader = seen, person
		}
	}
	return history, reader, nil
}

// withoutLateLine returns what was said in a message that the relay posted late,
// because its key came later than 10 seconds. The relay writes a line above such a
// message, and does not make later ones wait for it.
func withoutLateLine(content string) (text string, late bool) {
	line, text, found := strings.Cut(content, "\n\n")
	if !found || !strings.HasPrefix(line, "⏳ late, written ") {
		return content, false
	}
	return text, true
}

func (r *rooms) addEvent(s *fixture, p *place, evt *event.Event) {
	r.related.note(evt, evt.Sender == s.BotID())
	switch {
	case evt.Sender != s.BotID():
		r.addDeed(s, p, evt)
	case evt.Type == event.EventReaction:
	case evt.Unsigned.RedactedBecause != nil:
		r.takenBack++
	case evt.Type == event.EventEncrypted:
		r.unreadable++
	case evt.Type == event.EventMessage && isShown(evt):
		for _, shown := range s.shownBy(p, *evt.Content.AsMessage()) {
			r.onMatrix = append(r.onMatrix, arrival{key: toMatrixKey(p, shown.author, shown.text)})
			r.quotable[evt.ID] = append(r.quotable[evt.ID], shown.text)
			if l := s.loginOf(shown.author); l != nil && shown.name != l.name {
				r.strange++
			}
		}
	}
}

// addDeed adds what a person has done. Only that person knows what an event said that is
// redacted now.
func (r *rooms) addDeed(s *fixture, p *place, evt *event.Event) {
	h := happened{event: evt.ID, at: time.UnixMilli(evt.Timestamp), excused: r.uncertain[evt.ID], isGone: evt.Unsigned.RedactedBecause != nil}
	var ok bool
	if h.deed, ok = deedOf(evt); h.isGone {
		h.deed, ok = p.ledger.known(evt.ID)
	}
	if !ok {
		if evt.Type == event.EventEncrypted {
			r.unreadable++
		}
		return
	}
	h.isShaken = s.copies.shake(h.at)
	r.done = append(r.done, h)
}

// shown is a message of Wazo as an event shows it.
type shown struct {
	author string // the uuid; empty: nobody knows
	name   string
	text   string
}

// shownBy returns the messages that an event shows, in order. An event that merges
// messages has a paragraph for each of them; without a profile, each begins with the
// name of its author.
func (s *fixture) shownBy(p *place, content event.MessageEventContent) (all []shown) {
	if isHistory(&content) {
		return s.shownAsHistory(p, content.Body)
	}
	profile := content.BeeperPerMessageProfile
	content.RemovePerMessageProfileFallback()
	for text := range strings.SplitSeq(withoutQuoteAbove(content.Body), "\n\n") {
		line := shown{text: text}
		if profile != nil {
			line.author, line.name = profile.ID, profile.Displayname
		} else if name, said, named := strings.Cut(text, ": "); named {
			line = shown{s.authorNamed(p, name), name, said}
		}
		all = append(all, line)
	}
	return all
}

// pastLine is a message in a notice that shows what was said before a conversation
// opened: the name, the time, and the text.
var pastLine = regexp.MustCompile(`^(.*) \(\d{4}-\d\d-\d\d \d\d:\d\d \S+\): (.*)$`)

// shownAsHistory returns the messages that a notice shows.
func (s *fixture) shownAsHistory(p *place, body string) (all []shown) {
	for text := range strings.SplitSeq(body, "\n\n") {
		line := shown{text: text}
		if found := pastLine.FindStringSubmatch(text); found != nil {
			line = shown{s.authorNamed(p, found[1]), found[1], found[2]}
		}
		all = append(all, line)
	}
	return all
}

// isShown says whether an event of the bot in clear shows messages of Wazo. Notices do if
// they show what was said before a conversation opened, or what the only person in the
// room has written in Wazo's app. The others are the bot's own.
func isShown(evt *event.Event) bool {
	content := evt.Content.AsMessage()
	return !isEdit(evt) && !isAboutReactions(evt) && (content.MsgType != event.MsgNotice || content.BeeperPerMessageProfile != nil || isHistory(content))
}

func isHistory(content *event.MessageEventContent) bool {
	first, _, _ := strings.Cut(content.Body, "\n\n")
	return content.MsgType == event.MsgNotice && content.BeeperPerMessageProfile == nil && pastLine.MatchString(first)
}

// authorNamed returns the uuid of the author whom the relay shows under a name.
func (s *fixture) authorNamed(p *place, name string) string {
	for _, author := range p.authors {
		l := s.loginOf(author.UUID)
		if name == author.Firstname+" "+author.Lastname || name == convert.ShortUUID(words.Texts{}, author.UUID) || l != nil && name == l.name {
			return author.UUID
		}
	}
	return ""
}

// hasLogin says whether a person on Matrix, named by localpart, has logged in to Wazo.
func (s *fixture) hasLogin(who string) bool {
	return slices.ContainsFunc(s.logins, func(l *login) bool { return l.name == who })
}

// aliasSuffix ends the names under which the relay's account posts.
const aliasSuffix = " (Matrix)"

func withoutSuffix(alias string) string { return strings.TrimSuffix(alias, aliasSuffix) }

// toWazoKey names the person on Matrix by localpart, whichever account has posted.
func toWazoKey(p *place, who, text string) string {
	return fmt.Sprintf("%s, Matrix to Wazo: %s: %s", p.name, who, text)
}

// toMatrixKey names the author by uuid, because the relay has no better name while
// the directory is away.
func toMatrixKey(p *place, author, text string) string {
	at := slices.IndexFunc(p.authors, func(u wazotest.User) bool { return u.UUID == author })
	return fmt.Sprintf("%s, Wazo to Matrix: author %d: %s", p.name, at+1, text)
}

// compare compares both directions of all places.
func (s *fixture) compare(ctx context.Context) (Result, error) {
	result := Result{Seed: s.cfg.Seed, Settle: s.cfg.Settle, killsWanted: s.cfg.Kills, messagesWanted: s.cfg.Messages}
	result.conversationsWanted, result.pluginWanted, result.textsWanted = len(s.opened()), s.cfg.Plugin && !s.cfg.Plain, s.cfg.SMS
	result.readersWanted = len(s.conversations) > 0
	for _, p := range s.everywhere() {
		r, err := s.read(ctx, p)
		if err != nil {
			return result, fmt.Errorf("%s: %w", p.name, err)
		}
		expected := expectation{done: r.done, said: func(event id.EventID) []string { return r.quotable[event] }, key: func(who, text string) string { return toWazoKey(p, who, text) }}
		expected.hasPlugin, expected.isAlone, expected.showing = s.cfg.Plugin, len(p.people) == 1, r.related.showing
		for _, x := range s.Wazo.Reactions(p.Wazo) {
			if isOfMatrix(x) {
				expected.natives = append(expected.natives, x)
			}
		}
		toWazo, onWazo := expected.withLines(r.onWazo)
		natives := s.judgeNatives(p, r, &expected)
		result.Plugin.add(natives.found)
		result.Examples = append(result.Examples, natives.problems...)
		result.Difference.add(compare(toWazo, onWazo))
		result.Relations.add(expected.relations)
		result.Difference.add(compare(r.saidOnWazo, s.withoutReturning(p, &expected, r)))
		result.Examples = append(result.Examples, expected.problems...)
		result.Sent += len(r.done) + len(r.saidOnWazo)
		result.Unreadable += r.unreadable
		result.TakenBack += r.takenBack
		result.Late += r.late
		result.Native += r.native
		result.Instead += r.instead
		result.Strange += r.strange
		for _, h := range r.done {
			if h.excused {
				result.Uncertain++
				result.example("the homeserver gives no certain place to", toWazoKey(p, h.who, h.text), result.Uncertain)
			}
		}
	}
	for _, ph := range s.phones {
		if err := s.judgePhone(ctx, ph, &result); err != nil {
			return result, fmt.Errorf("%s: %w", ph.name, err)
		}
	}
	return result, nil
}

// withoutReturning returns what arrived on Matrix without the lines that own accounts have
// posted and that may be shown there.
func (s *fixture) withoutReturning(p *place, expected *expectation, r rooms) []arrival {
	returning := make(map[string]bool)
	for n, l := range r.onWazo {
		at := slices.IndexFunc(s.logins, func(login *login) bool { return login.name == l.who })
		if at < 0 || !expected.mayReturn(n) {
			continue
		}
		for text := range strings.SplitSeq(l.text, "\n\n") {
			returning[toMatrixKey(p, s.logins[at].account.UUID, text)] = true
		}
	}
	return slices.DeleteFunc(r.onMatrix, func(a arrival) bool { return returning[a.key] })
}

// everywhere returns all places, linked and opened.
func (s *fixture) everywhere() []*place {
	all := slices.Clone(s.places)
	for _, c := range s.conversations {
		all = append(all, c.place)
	}
	return all
}

// followWazo counts, while the run goes on, what arrives on Wazo from a place, until ctx
// ends. The count only decides when people wait; the comparison reads everything anew.
func (s *fixture) followWazo(ctx context.Context, p *place) {
	for message := range s.Wazo.Subscribe(ctx, p.Wazo) {
		if who, native, relayed := s.saidBy(message); relayed {
			text, _ := withoutLateLine(message.Content)
			if said := parseLine(text); said.kind == saidLine && p.ledger.arrives(who, said.text) {
				p.toWazo.arrived.add(1)
			}
			if !native && s.hasLogin(who) {
				s.instead.add(1)
			}
		}
	}
}

// followMatrix is followWazo for what arrives on Matrix.
func (s *fixture) followMatrix(ctx context.Context, p *place) {
	seen := 0
	for sleep(ctx, followEvery) == nil {
		n := 0
		for _, person := range p.readers() {
			n = max(n, s.countShown(p, person.Timeline(p.Matrix)))
		}
		p.toMx.arrived.add(n - seen)
		seen = n
	}
}

// countShown returns how many messages of Wazo a timeline shows.
func (s *fixture) countShown(p *place, timeline []harness.Entry) (n int) {
	for _, entry := range timeline {
		if !isFromWazo(s, entry) {
			continue
		} else if entry.Type == event.EventMessage {
			n += len(s.shownBy(p, *entry.Content.AsMessage()))
		} else {
			n++
		}
	}
	return n
}

func isFromWazo(s *fixture, entry harness.Entry) bool {
	switch {
	case entry.Sender != s.BotID():
		return false
	case entry.Type == event.EventMessage:
		return isShown(entry.Event)
	default:
		return entry.Type == event.EventEncrypted
	}
}
