package chaos

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// This file says what there must be at the end of a conversation with a telephone:
//
//   - What the person said is on Wazo once and in order, and nothing else that they did.
//   - The provider got each of these once, from the person's number, unless Wazo gave it up. Nobody paid for more.
//   - What came from the telephone is on Matrix once and in order, and so is what the person typed in the app.
//   - There is one room on Wazo for the pair.
//   - The person was told once that a text message failed, and of no other that it did.

// wazoTexts are what the relay says.
var wazoTexts = words.New("!wazo")

// Texts is what was found of text messages.
type Texts struct {
	Received int // from telephones
	Sent     int // by the provider
	GivenUp  int // by Wazo, because the provider refused them
	Failed   int // of those that were sent, as the provider reported
	Told     int // failures that people were told of
	// Untold are messages of which people were not told that they failed, or were told so for no reason or again.
	Untold int
}

// judgePhone adds to a result what became of a conversation with a telephone.
func (s *fixture) judgePhone(ctx context.Context, ph *phone, result *Result) error {
	if ph.Wazo == "" {
		return nil // it has not begun
	}
	r, err := s.read(ctx, ph.place)
	if err != nil {
		return err
	}
	j := &phoneJudge{fixture: s, phone: ph, rooms: r, result: result}
	j.compareMatrix()
	j.compareWazo()
	j.compareSent()
	if rooms := s.Wazo.Rooms(); len(slices.DeleteFunc(rooms, func(room wazotest.Room) bool { return !ph.isRoom(room) })) != 1 {
		result.Doubled++
		result.example("rooms on Wazo:", ph.name, result.Doubled)
	}
	result.Sent += len(r.done) + len(r.saidOnWazo)
	result.Unreadable += r.unreadable
	result.TakenBack += r.takenBack
	result.Native += r.native
	return j.judgeNotices(ctx)
}

// phoneJudge compares what people said and what arrived, in one conversation with a telephone.
type phoneJudge struct {
	*fixture
	phone  *phone
	rooms  rooms
	result *Result
}

// isFirst says whether a text is what the person said to the bot to begin the conversation.
func (j *phoneJudge) isFirst(text string) bool { return j.phone.first != "" && text == j.phone.first }

// compareMatrix compares what was said on Matrix with the messages of the person's account.
func (j *phoneJudge) compareMatrix() {
	var sent []said
	var arrived []arrival
	for _, h := range j.rooms.done {
		if h.kind == says {
			sent = append(sent, said{key: toWazoKey(j.phone.place, h.who, h.text), excused: h.excused})
		}
	}
	if j.phone.isSent {
		sent = append(sent, said{key: toWazoKey(j.phone.place, j.phone.login.name, j.phone.first), excused: true})
	}
	firsts := 0
	for _, l := range j.rooms.onWazo {
		if j.isFirst(l.text) && !j.phone.isSent {
			if firsts++; firsts == 1 {
				continue // whether it was sent was not known
			}
		}
		arrived = append(arrived, arrival{key: toWazoKey(j.phone.place, l.who, l.text), late: l.late})
	}
	j.result.Difference.add(compare(sent, arrived))
}

// compareWazo compares what was said on Wazo and outside with what is on Matrix.
func (j *phoneJudge) compareWazo() {
	own := j.phone.login.account.UUID
	sent, shown := slices.Clone(j.rooms.saidOnWazo), slices.Clone(j.rooms.onMatrix)
	j.phone.mu.Lock()
	for text := range j.phone.excused {
		for i := range sent {
			if sent[i].key == toMatrixKey(j.phone.place, j.phone.authors[0].UUID, text) {
				sent[i].excused = true
			}
		}
	}
	j.phone.mu.Unlock()
	for _, l := range j.rooms.onWazo {
		key := toMatrixKey(j.phone.place, own, l.text)
		if j.isFirst(l.text) {
			sent = append(sent, said{key: key, excused: true})
		} else if len(j.copies.agesRestored()) > 0 { // it may come back, which is a documented limit
			shown = slices.DeleteFunc(shown, func(a arrival) bool { return a.key == key })
		}
	}
	j.result.Texts.Received += len(sent)
	j.result.Difference.add(compare(sent, shown))
}

// compareSent compares the messages of the person's account with what the provider has sent.
func (j *phoneJudge) compareSent() {
	paid := make(map[string]int)
	for _, sms := range j.Wazo.SMS().Sent() {
		if sms.To == j.phone.number {
			paid[sms.MessageUUID]++
			j.result.Texts.Sent++
			if sms.From != j.phone.login.number.Number {
				j.result.Doubled++
				j.result.example("sent from another number", sms.Text, j.result.Doubled)
			}
		}
	}
	for _, message := range j.Wazo.Messages(j.phone.Wazo) {
		if message.UserUUID != j.phone.login.account.UUID {
			continue
		}
		want := 1
		switch j.Wazo.DeliveryStatus(message.UUID) {
		case wazotest.StatusDeadLetter:
			want = 0
			j.result.Texts.GivenUp++
		case wazotest.StatusFailed:
			j.result.Texts.Failed++
		}
		switch n := paid[message.UUID]; {
		case n < want:
			j.result.Lost++
			j.result.example("not sent", message.Content, j.result.Lost)
		case n > want:
			j.result.Doubled++
			j.result.example("paid for again", message.Content, j.result.Doubled)
		}
		delete(paid, message.UUID)
	}
	for uuid := range paid {
		j.result.Doubled++
		j.result.example("paid for, but not on Wazo", uuid, j.result.Doubled)
	}
}

// aboutLink is the link to the message that a notice is about, if it shares an event with others.
var aboutLink = regexp.MustCompile(`^\n\(This is about \[[^]]*\]\(https://matrix\.to/#/[^/]+/(\$[^)?]+)`)

// noticesAbout returns about which messages an event of the bot says something.
func noticesAbout(content *event.MessageEventContent, says string) (about []id.EventID) {
	for _, rest := range strings.Split(content.Body, says)[1:] {
		if found := aboutLink.FindStringSubmatch(rest); found != nil {
			about = append(about, id.EventID(found[1]))
		} else {
			about = append(about, content.RelatesTo.GetReplyTo())
		}
	}
	return about
}

// judgeNotices compares what the person was told of failures with the failures.
func (j *phoneJudge) judgeNotices(ctx context.Context) error {
	history, _, err := j.phone.history(ctx)
	if err != nil {
		return err
	}
	failures, retries := make(map[id.EventID]int), make(map[id.EventID]int)
	for _, evt := range history {
		if evt.Sender != j.BotID() || evt.Type != event.EventMessage {
			continue
		}
		for _, about := range noticesAbout(evt.Content.AsMessage(), wazoTexts.TextMessageFailed()) {
			failures[about]++
		}
		for _, about := range noticesAbout(evt.Content.AsMessage(), wazoTexts.TextMessageRetried()) {
			retries[about]++
		}
	}
	hasFailed := make(map[string]bool) // what was said again and again never fails
	for _, message := range j.Wazo.Messages(j.phone.Wazo) {
		if message.UserUUID == j.phone.login.account.UUID && !j.authors.wrote(message.UUID) {
			status := j.Wazo.DeliveryStatus(message.UUID)
			hasFailed[message.Content] = status == wazotest.StatusDeadLetter || status == wazotest.StatusFailed
		}
	}
	again := 1
	if n := len(j.copies.agesRestored()); n > 0 {
		again += n // an older copy of the database does not know that it was told
	}
	for _, h := range j.rooms.done {
		if h.kind != says {
			continue
		}
		told := failures[h.event]
		j.result.Texts.Told += told
		if hasFailed[h.text] && (told < 1 || told > again) || !hasFailed[h.text] && told > 0 || retries[h.event] > again {
			j.result.Texts.Untold++
			j.result.example("told of a failure wrongly or not", h.text, j.result.Texts.Untold)
		}
	}
	return nil
}
