package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/id"
)

// This file says what must be on Wazo of what people did on Matrix. It judges by what the
// two servers have, and knows these rules:
//
//   - A message arrives once. If it was redacted, it may be missing.
//   - Of the edits of a message, those that came while it waited have changed it, and no
//     correction follows for them. The last one that came later is shown, and those
//     before it may be.
//   - A redaction of a message that arrived is shown once, with the time of the message.
//   - A reaction is shown once. It may be missing if it, or the message that it is for,
//     was redacted. Its removal is shown once if the reaction was.
//   - All of these are in the order in which people did them.

// happened is a deed as the homeserver has it.
type happened struct {
	deed
	event id.EventID
	at    time.Time
	// excused says that the event has no certain place in the room.
	excused bool
	// isGone says that the event was redacted.
	isGone bool
	// isShaken says that the relay has got a copy of its database from before the event
	// since then, see expectation.shaken.
	isShaken bool
}

// Relations are what people do with messages, beside saying them.
type Relations struct {
	Done     int // replies, thread messages, edits, redactions, reactions and removals
	Shown    int // those of them that were certainly visible on Wazo
	Shaken   int // those whose lines may be missing or come twice, see happened.isShaken
	Quoted   int // lines that show the beginning of what they are about
	Unquoted int // lines that could do so and do not
	// Misquoted are lines that show something else, and wrong corrections.
	Misquoted int
}

func (r *Relations) add(other Relations) {
	r.Done += other.Done
	r.Shown += other.Shown
	r.Shaken += other.Shaken
	r.Quoted += other.Quoted
	r.Unquoted += other.Unquoted
	r.Misquoted += other.Misquoted
}

// expectation compares what people did on Matrix in one place with the lines on Wazo.
type expectation struct {
	done []happened // in order
	// said returns what an event of the bot says, as it may be quoted.
	said func(id.EventID) []string
	// key names somebody on Matrix and what they said or did.
	key func(who, text string) string

	byEvent  map[id.EventID]happened
	byMark   map[string]happened // edits and reactions
	versions map[id.EventID][]version
	byText   map[string]id.EventID // messages by the keys of their versions
	arrived  map[id.EventID]arrivedVersion
	shown    [][]arrival    // what each line shows
	there    map[string]int // the same, counted by key
	left     map[string]int // those of them that nothing is known to have caused yet
	// What follows is about the plugin. showing are the bot's events that show a message on
	// Wazo, and natives the reactions there that the relay has made for people on Matrix.
	hasPlugin bool
	isAlone   bool // there is one person on Matrix
	showing   map[string][]id.EventID
	natives   []wazotest.Reaction
	origins   map[string]id.EventID // by message on Wazo, the event from which it comes
	byNative  map[string]bool       // marks of reactions that a line shows as a reply
	marked    int                   // lines that are replies
	unequal   int                   // natives that must not be, and those that are missing

	// loose are the keys of lines that may come once more, and returning those that may be
	// shown on Matrix, too, if an own account has posted them.
	loose, returning map[string]bool

	relations Relations
	problems  []string
}

// version is what a message said, by which event.
type version struct {
	event id.EventID
	text  string
}

// arrivedVersion says in which of its versions a message arrived first, and when.
type arrivedVersion struct {
	version int
	at      time.Time
}

// withLines returns what must be on Wazo, in order, and what is there, in a form in which
// the two can be compared.
func (x *expectation) withLines(lines []line) (sent []said, arrivals []arrival) {
	x.index()
	for _, l := range lines {
		x.shown = append(x.shown, x.arrivalsOf(l))
		arrivals = append(arrivals, x.shown[len(x.shown)-1]...)
	}
	x.there, x.left = make(map[string]int), make(map[string]int)
	for _, a := range arrivals {
		x.there[a.key]++
		x.left[a.key]++
	}
	arrivals = append(arrivals, x.silentReactions()...)
	known := make(map[string]bool)
	x.loose, x.returning = make(map[string]bool), make(map[string]bool)
	for _, h := range x.done {
		key, isDue := x.due(h)
		if h.kind != says {
			x.relations.Done++
		}
		if h.isShaken && !h.kind.isMessage() {
			x.relations.Shaken++
			isDue, x.loose[key] = false, true
			if h.kind == edits { // whichever of its versions the message had before
				x.loose[x.editKey(h)], x.loose[x.messageKey(h.target)] = true, true
			}
			x.returning[key], x.returning[x.messageKey(h.target)] = true, true
		}
		// What the homeserver has twice, because it was sent again, may be shown once.
		isAgain := !h.kind.isMessage() && known[h.mark]
		known[h.mark] = true
		if x.left[key] <= 0 && (!isDue || isAgain) {
			continue
		}
		if x.left[key]--; h.kind != says {
			x.relations.Shown++
		}
		sent = append(sent, said{key: key, excused: h.excused || x.loose[key]})
	}
	return sent, x.withoutLoose(arrivals)
}

// withoutLoose returns the arrivals without those that came once more for something
// shaken.
func (x *expectation) withoutLoose(arrivals []arrival) (kept []arrival) {
	for _, a := range slices.Backward(arrivals) {
		if x.loose[a.key] && x.left[a.key] > 0 {
			x.left[a.key]--
			continue
		}
		kept = append(kept, a)
	}
	slices.Reverse(kept)
	return kept
}

// mayReturn says whether a line, by its number, may be shown on Matrix as if it had been
// written on Wazo: the relay does not know any more that it has posted it, and what it would
// have to compare it with is gone or says something else.
func (x *expectation) mayReturn(line int) bool {
	return slices.ContainsFunc(x.shown[line], func(a arrival) bool { return x.returning[a.key] })
}

// index finds out what each message has said.
func (x *expectation) index() {
	x.byEvent, x.byMark = make(map[id.EventID]happened), make(map[string]happened)
	x.versions, x.byText = make(map[id.EventID][]version), make(map[string]id.EventID)
	x.arrived = make(map[id.EventID]arrivedVersion)
	x.origins, x.byNative = make(map[string]id.EventID), make(map[string]bool)
	for _, h := range x.done {
		x.byEvent[h.event] = h
		message := h.event
		switch h.kind {
		case edits:
			message, x.byMark[h.mark] = h.target, h
		case reacts:
			x.byMark[h.mark] = h
			continue
		case redacts:
			continue
		}
		x.versions[message] = append(x.versions[message], version{h.event, h.text})
		if key := x.key(h.who, h.text); x.byText[key] == "" {
			x.byText[key] = message
		}
	}
}

// due returns the key of the line that shows what was done, and whether there must be one.
// If not, there may be one, unless the key is empty.
func (x *expectation) due(h happened) (key string, isDue bool) {
	arrived, isThere := x.arrived[h.target]
	target := x.byEvent[h.target]
	switch {
	case h.kind == edits:
		number := x.number(h)
		if !isThere || number <= arrived.version {
			return "", false // nobody on Wazo has seen the message, or it shows the edit itself
		}
		return x.editKey(h), number == len(x.versions[h.target])-1 && !target.isGone
	case h.kind == redacts && target.kind == reacts && (x.hasPlugin || x.there[x.key(target.who, target.text)] > 0):
		// The plugin alone shows both the reaction and its removal if it is clear whose they are.
		return x.withdrawnKey(target), x.there[x.key(target.who, target.text)] > 0 && !(x.hasPlugin && x.isAlone)
	case h.kind == redacts && isThere:
		return x.key(h.who, removalMark+removedTime(arrived.at, h.at)), true
	case h.kind == redacts:
		return "", false // nobody on Wazo has seen what was redacted
	case h.kind == reacts:
		return x.key(h.who, h.text), !h.isGone && !target.isGone
	default:
		return x.key(h.who, h.text), !h.isGone
	}
}

// number returns which version of its message an edit makes.
func (x *expectation) number(edit happened) int {
	return slices.IndexFunc(x.versions[edit.target], func(v version) bool { return v.event == edit.event })
}

func (x *expectation) editKey(edit happened) string {
	return x.key(edit.who, correctionMark+revision+edit.mark)
}

func (x *expectation) withdrawnKey(reaction happened) string {
	return x.key(reaction.who, "removed "+reaction.text)
}

// messageKey is that of a message in all its versions.
func (x *expectation) messageKey(message id.EventID) string {
	h := x.byEvent[message]
	return x.key(h.who, h.text)
}

// removedTime is the time of a message as a redaction gives it: without a date on the
// same day.
func removedTime(written, removed time.Time) string {
	written, removed = written.Local(), removed.Local()
	if written.Format(time.DateOnly) == removed.Format(time.DateOnly) {
		return written.Format("15:04")
	}
	return written.Format("2006-01-02 15:04")
}

// arrivalsOf returns what a line shows.
func (x *expectation) arrivalsOf(l line) (shown []arrival) {
	parsed := parseLine(l.text)
	switch parsed.kind {
	case saidLine:
		return []arrival{{x.arrive(l, parsed), l.late}}
	case correctedLine:
		return []arrival{{x.corrected(l, parsed), l.late}}
	case removedLine:
		return []arrival{{x.key(l.who, l.text), l.late}}
	}
	for _, emoji := range parsed.emoji {
		reaction, ok := x.byMark[strings.TrimPrefix(emoji, thumb)]
		if !ok || reaction.kind != reacts {
			shown = append(shown, arrival{x.key(l.who, l.text), l.late})
			continue
		}
		key := x.key(reaction.who, reaction.text)
		if parsed.kind == withdrawnLine {
			key = x.withdrawnKey(reaction)
		}
		shown = append(shown, arrival{key, l.late})
		x.byNative[reaction.mark] = x.byNative[reaction.mark] || parsed.answers && parsed.kind == reactionLine
		x.checkAbout(l, parsed.about, reaction.target, parsed.about == "" && !parsed.answers)
	}
	return shown
}

// arrive returns the key of a message in the version in which it arrived.
func (x *expectation) arrive(l line, parsed parsedLine) string {
	message, ok := x.byText[x.key(l.who, parsed.text)]
	if !ok {
		return x.key(l.who, l.text)
	}
	h := x.byEvent[message]
	if _, again := x.arrived[message]; !again {
		number := slices.IndexFunc(x.versions[message], func(v version) bool { return v.text == parsed.text })
		x.arrived[message] = arrivedVersion{number, l.at}
	}
	x.origins[l.uuid] = message
	if h.kind == says && parsed.quote != "" {
		return x.key(l.who, l.text)
	} else if h.kind == says && l.parent != "" {
		x.isNoReplyTo(l)
	} else if h.kind != says {
		// Without the text, a quote is only the name of whom the message answers.
		x.checkAbout(l, parsed.quote, h.target, !strings.Contains(parsed.quote, ": "))
	}
	return x.messageKey(message)
}

// corrected returns the key of a correction.
func (x *expectation) corrected(l line, parsed parsedLine) string {
	now, _, _ := strings.Cut(parsed.text, insteadOf)
	revisions := oneRevision.FindAllString(now, -1)
	if len(revisions) == 0 {
		return x.key(l.who, l.text)
	}
	edit, ok := x.byMark[strings.TrimPrefix(revisions[len(revisions)-1], revision)]
	if !ok || edit.kind != edits || edit.who != l.who {
		return x.key(l.who, l.text)
	}
	if l.parent != "" {
		x.checkAbout(l, "", edit.target, true)
	}
	if number := x.number(edit); !corrects(parsed.text, edit.text, texts(x.versions[edit.target][:number])) {
		x.relations.Misquoted++
		x.problems = append(x.problems, fmt.Sprintf("wrong correction %q of %s", l.text, x.messageKey(edit.target)))
	}
	return x.editKey(edit)
}

func texts(versions []version) (all []string) {
	for _, v := range versions {
		all = append(all, v.text)
	}
	return all
}

// checkAbout counts whether a line is a reply to an event, or quotes it.
func (x *expectation) checkAbout(l line, quote string, target id.EventID, isBare bool) {
	switch {
	case l.parent == "":
		x.checkQuote(l, quote, target, isBare)
	case x.isShownBy(l.parent, target):
		x.marked++
	default:
		x.isNoReplyTo(l)
	}
}

// isNoReplyTo counts a line that is a reply to something to which it must not be one.
func (x *expectation) isNoReplyTo(l line) {
	x.relations.Misquoted++
	x.problems = append(x.problems, fmt.Sprintf("%q is a reply to something else", l.text))
}

// isShownBy says whether a message on Wazo and an event say the same, as far as that can be told: what people say again
// and again is known by its text.
func (x *expectation) isShownBy(uuid string, event id.EventID) bool {
	origin := x.origins[uuid]
	return slices.Contains(x.showing[uuid], event) || origin != "" && x.messageKey(origin) == x.messageKey(event)
}

// checkQuote counts whether a quote shows the beginning of an event, in any version of it.
func (x *expectation) checkQuote(l line, quote string, target id.EventID, isBare bool) {
	of := texts(x.versions[target])
	if of == nil {
		of = x.said(target)
	}
	switch {
	case quotes(quote, of):
		x.relations.Quoted++
	case isBare:
		x.relations.Unquoted++
	default:
		x.relations.Misquoted++
		x.problems = append(x.problems, fmt.Sprintf("wrong quote in %q, which is about %q", l.text, of))
	}
}
