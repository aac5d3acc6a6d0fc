package chaos

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Result is the outcome of a run.
type Result struct {
	Difference
	Relations
	Plugin              Plugin
	Pair                PairResult
	Texts               Texts
	Sent                int // messages that people have sent, in the rooms of both sides
	Kills               int
	KilledMidway        int // the kills that came while a message was on its way
	Exits               int // how often the relay ended by itself, because a server was away
	Faults              int // how many faults fired, all together
	Seed                uint64
	Fired               []Count
	Uncertain           int             // messages that the homeserver has given no certain place; it doesn't count
	Late                int             // messages that the relay posted late, because their key came late
	TakenBack           int             // events that the relay took back, because the homeserver stored them after they were sent again
	Native              int             // messages from Matrix that the accounts of their senders have posted
	Instead             int             // messages of people with an own account that the relay's account has posted
	Strange             int             // messages of people with an own account that Matrix shows under another name
	Unreadable          int             // events of the relay that people cannot decrypt; they count as lost, too
	SlowestSend         time.Duration   // the longest time that a server itself took for a message of the relay
	Restored            []time.Duration // how old the copies of the database were that were restored
	Settle              time.Duration
	Rooms               int // conversations that have opened by themselves
	SecondRooms         int // further rooms that were made for the same conversations and are in use
	ReaderChanges       int // how often the account that read a chat logged out and another one took over
	pluginWanted        bool
	textsWanted         bool
	readersWanted       bool // people with own accounts talk in one conversation
	killsWanted         int
	messagesWanted      int
	conversationsWanted int
}

// String is the line that a run ends with.
func (r Result) String() string {
	return fmt.Sprintf("chaos: sent=%d lost=%d doubled=%d reordered=%d kills=%d kills_while_attempted=%d faults=%d seed=%d rooms=%d second_rooms=%d relations=%d",
		r.Sent, r.Lost, r.Doubled, r.Reordered, r.Kills, r.KilledMidway, r.Faults, r.Seed, r.Rooms, r.SecondRooms, r.Done)
}

// Print writes all counts, and String as the last line.
func (r Result) Print(w io.Writer) error {
	var text strings.Builder
	for _, count := range r.Fired {
		fmt.Fprintf(&text, "fault: %4d × %s\n", count.Fired, count.Name)
	}
	fmt.Fprintf(&text, "messages whose place is excused, because Wazo never sent their event or committed them late: %d\n", r.Excused-r.Uncertain)
	fmt.Fprintf(&text, "messages whose place is excused, because the homeserver stored them late or gave them two places: %d\n", r.Uncertain)
	fmt.Fprintf(&text, "messages that were posted late, because their key came late: %d\n", r.Late)
	fmt.Fprintf(&text, "messages that people's own accounts posted on Wazo: %d, and the relay's account in their place: %d\n", r.Native, r.Instead)
	fmt.Fprintf(&text, "messages of people with an own account that Matrix shows under another name: %d\n", r.Strange)
	fmt.Fprintf(&text, "conversations that opened: %d, second rooms: %d, and readers that logged out, so that another one took over: %d\n", r.Rooms, r.SecondRooms, r.ReaderChanges)
	fmt.Fprintf(&text, "replies, edits, redactions and reactions: %d, shown on Wazo: %d, around a restored database, so that their lines may be missing or come twice: %d\n", r.Done, r.Shown, r.Shaken)
	fmt.Fprintf(&text, "lines that quote what they are about: %d, that could and do not: %d, that are wrong: %d\n", r.Quoted, r.Unquoted, r.Misquoted)
	if p := r.Plugin; p != (Plugin{}) {
		fmt.Fprintf(&text, "by the plugin on Wazo: replies: %d, reactions: %d\n", p.Marked, p.Reacted)
		fmt.Fprintf(&text, "by the plugin on Matrix: replies: %d, with a quote: %d, shown together with others: %d, reactions: %d, notices: %d\n", p.Answering, p.Quoting, p.Together, p.OnMatrix, p.Noticed)
		fmt.Fprintf(&text, "replies and reactions that differ between the two sides: %d\n", p.Unequal)
	}
	if r.textsWanted {
		fmt.Fprintf(&text, "text messages: received: %d, sent: %d, given up by Wazo: %d, failed later: %d, told that they failed: %d, told wrongly or not: %d\n",
			r.Texts.Received, r.Texts.Sent, r.Texts.GivenUp, r.Texts.Failed, r.Texts.Told, r.Texts.Untold)
	}
	fmt.Fprintf(&text, "events that the relay took back, because the homeserver stored them late: %d\n", r.TakenBack)
	fmt.Fprintf(&text, "starts of the relay that failed while a server was away: %d\n", r.Exits)
	fmt.Fprintf(&text, "ages of the copies of the database that were restored:")
	for _, age := range r.Restored {
		fmt.Fprintf(&text, " %s", age.Round(time.Second))
	}
	fmt.Fprintf(&text, "\nslowest message of a server itself: %s, the relay waits %s before it looks\n", r.SlowestSend.Round(time.Millisecond), r.Settle)
	if r.Unreadable > 0 {
		fmt.Fprintf(&text, "events of the relay that cannot be decrypted: %d\n", r.Unreadable)
	}
	for _, example := range r.Examples {
		fmt.Fprintf(&text, "%s\n", example)
	}
	_, err := fmt.Fprintf(w, "%s%s\n", &text, r)
	return err
}

// Err returns nil if the run is a success. Otherwise it says what is wrong: messages
// were lost, duplicated or reordered, or the run was not as hard as it should have
// been.
func (r Result) Err() error {
	var errs []error
	errs = append(errs, r.Pair.err())
	if !r.clean() {
		errs = append(errs, fmt.Errorf("lost %d, doubled %d, reordered %d of %d messages", r.Lost, r.Doubled, r.Reordered, r.Sent))
	}
	for _, count := range r.Fired {
		if count.Fired == 0 {
			errs = append(errs, fmt.Errorf("the fault %q never fired", count.Name))
		}
	}
	if r.Misquoted > 0 {
		errs = append(errs, fmt.Errorf("%d quotes or corrections are wrong", r.Misquoted))
	}
	if r.Plugin.Unequal > 0 {
		errs = append(errs, fmt.Errorf("%d replies or reactions differ between the two sides", r.Plugin.Unequal))
	}
	if p := r.Plugin; r.pluginWanted && (p.Marked == 0 || p.Reacted == 0 || p.Answering == 0 || p.OnMatrix == 0) {
		errs = append(errs, errors.New("the plugin has not shown replies and reactions on both sides"))
	}
	if t := r.Texts; t.Untold > 0 {
		errs = append(errs, fmt.Errorf("what became of %d text messages is told wrongly or not", t.Untold))
	}
	if t := r.Texts; r.textsWanted && (t.Received == 0 || t.Sent == 0 || t.Told == 0) {
		errs = append(errs, errors.New("text messages were not sent, received and told to have failed"))
	}
	// What is quoted cannot always be looked up while the homeserver is away.
	if r.Unquoted > r.Quoted {
		errs = append(errs, fmt.Errorf("%d of %d lines do not quote what they are about", r.Unquoted, r.Quoted+r.Unquoted))
	}
	if r.Shown == 0 && r.Done > 0 {
		errs = append(errs, errors.New("no reply, edit, redaction or reaction was shown on Wazo"))
	}
	if r.Native == 0 {
		errs = append(errs, errors.New("no message was posted by the account of its sender"))
	}
	if r.Rooms < r.conversationsWanted {
		errs = append(errs, fmt.Errorf("only %d of %d conversations have opened", r.Rooms, r.conversationsWanted))
	}
	if r.SecondRooms > 0 {
		errs = append(errs, fmt.Errorf("%d second rooms were made", r.SecondRooms))
	}
	if r.readersWanted && r.ReaderChanges == 0 {
		errs = append(errs, errors.New("no chat got another reader"))
	}
	// Names cannot always be looked up while the homeserver is away, and whose a Wazo
	// account is, is not known while the person is logged out.
	if 5*r.Strange > r.Sent {
		errs = append(errs, fmt.Errorf("%d messages of people with an own account are shown under another name", r.Strange))
	}
	if r.Kills < r.killsWanted {
		errs = append(errs, fmt.Errorf("only %d of %d kills", r.Kills, r.killsWanted))
	}
	if r.killsWanted > 0 && r.KilledMidway == 0 {
		errs = append(errs, errors.New("no kill met a message on its way"))
	}
	if r.Sent < r.messagesWanted {
		errs = append(errs, fmt.Errorf("people have only %d of %d messages in the rooms", r.Sent, r.messagesWanted))
	}
	return errors.Join(errs...)
}
