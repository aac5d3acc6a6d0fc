package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/relay/words"
)

const (
	botUser   = id.UserID("@bot:a.example")
	adminUser = id.UserID("@admin:a.example")
	roomID    = id.RoomID("!room:a.example")
)

// fakeMatrix is a homeserver with one bot on it: what is sent comes back with the next sync, which the test drives or,
// by default, a goroutine does.
type fakeMatrix struct {
	t    *testing.T
	core *Relay

	mu       sync.Mutex
	rooms    map[id.RoomID][]Event // whole timelines
	synced   map[id.RoomID]int     // how much of them the core got
	byTxn    map[string]id.EventID
	notices  []string
	replies  []id.EventID // what each of the notices replies to
	direct   []string
	problems []string
	read     []id.EventID
	invited  map[id.UserID]bool // have not joined yet
	as       map[id.EventID]id.UserID
	names    map[id.UserID]string
	called   map[id.UserID]*SenderName // as the bot notes it in events from now on
	changed  chan struct{}
	batch    int
	limit    int // of a timeline in one answer, 0: none
	pages    map[string]int

	// awaitTurn returns when the homeserver's rate limit allows to send.
	awaitTurn func()

	// beforeSend may refuse a send, afterSend may lose its answer.
	beforeSend, afterSend func(content string) error
	forgetsTransactions   bool
	backfillError         error
	losesProbes           bool // what the bot sends to itself does not come back
	decryptable           map[id.EventID]string
	keyTrouble            map[id.EventID]error // why an event cannot be decrypted, if it is not that the key is missing
	keysAsked             []id.EventID
	askFails              int // how many requests for keys fail
	beforeDecrypt         func(id.EventID)
	pictures              map[string]func() (*Picture, error) // by source
	uploads               []string                            // sources
	encrypted             bool                                // the rooms are
	limited               bool                                // the homeserver limits the account
	textError             error                               // why no text file is taken
	texts                 []string                            // text files that were uploaded
	replaces              bool                                // edits stand in the place of what they edit
	isSlow                bool                                // events and the names of other rooms are not answered
	eventError            error                               // why no event can be looked up
	looked                []id.EventID                        // events that were looked up
	shared                map[id.UserID]map[string]string     // names of rooms by the person who is in them
	lookedRooms           []string                            // rooms whose names were looked up

	made        []RoomPlan
	makeRoom    func(RoomPlan) error // may refuse a room, or (errLost) lose the answer after it is made
	invite      func(id.UserID) error
	members     map[id.RoomID]map[id.UserID]event.Membership // of rooms that the bot has made
	named       map[id.RoomID]string                         // rooms that the bot has named
	topics      map[id.RoomID]string                         // and their topics
	removeError error                                        // of Remove

	logins      LoginHistory // as stored
	loginsError error        // of Logins and SetLogins

	reactTxns      []string // transaction ids of the bot's reactions, in order
	refusesDoubles bool     // as Synapse does: a second reaction of a person to the same event with the same key
	redactError    error    // of Redact

	accepting   sync.Mutex
	saying      sync.Mutex
	greeted     *Relay        // got an answer already: the first one comes at once, even if it is empty
	paused      bool          // no sync reaches the core
	withheld    int           // how many of the newest events of the room the homeserver does not bring yet
	resyncs     chan struct{} // Resync waits until it is closed; nil: it does not wait
	heldResyncs int           // how many calls of Resync have waited for resyncs
}

func newFakeMatrix(t *testing.T) *fakeMatrix {
	return &fakeMatrix{
		t: t, rooms: make(map[id.RoomID][]Event), synced: make(map[id.RoomID]int), byTxn: make(map[string]id.EventID),
		names: map[id.UserID]string{adminUser: "Ada"}, changed: make(chan struct{}), pages: make(map[string]int),
		decryptable: make(map[id.EventID]string), keyTrouble: make(map[id.EventID]error),
	}
}

var _ Matrix = (*fakeMatrix)(nil)

func (f *fakeMatrix) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// add puts an event at the end of a timeline.
func (f *fakeMatrix) add(room id.RoomID, sender id.UserID, evtType event.Type, content any, changes ...func(*event.Event)) id.EventID {
	data, err := json.Marshal(content)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	evt := &event.Event{ID: id.EventID(fmt.Sprintf("$%s-%d", room, len(f.rooms[room]))), Sender: sender, RoomID: room, Type: evtType}
	if err = json.Unmarshal(data, &evt.Content); err != nil {
		f.t.Error(err)
	}
	for _, change := range changes {
		change(evt)
	}
	f.rooms[room] = append(f.rooms[room], Event{Event: evt, Tag: TagOf(evt.Content.VeryRaw, evt.Sender), SenderName: f.called[sender]})
	f.signal()
	return evt.ID
}

// call changes how a person is called.
func (f *fakeMatrix) call(user id.UserID, name string, shared bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.called == nil {
		f.called = make(map[id.UserID]*SenderName)
	}
	f.names[user], f.called[user] = name, &SenderName{Name: name, Shared: shared}
}

// say lets a person say something in the room.
func (f *fakeMatrix) say(sender id.UserID, text string) id.EventID {
	return f.add(roomID, sender, event.EventMessage, map[string]any{"msgtype": "m.text", "body": text})
}

// redact lets a person take something back, in the form of room version 11 or of those before.
func (f *fakeMatrix) redact(sender id.UserID, target id.EventID, v11 bool) {
	f.add(roomID, sender, event.EventRedaction, map[string]any{}, func(evt *event.Event) {
		evt.Timestamp = time.Now().UnixMilli()
		if v11 {
			evt.Content.Raw["redacts"] = target.String()
			evt.Content.VeryRaw, _ = json.Marshal(evt.Content.Raw)
		} else {
			evt.Redacts = target
		}
	})
}

// syncForever hands what is new to the core.
// selfRoom is the room in which the bot sends messages to itself.
const selfRoom = id.RoomID("!self:a.example")

func (f *fakeMatrix) AskAhead(context.Context, id.RoomID) {}

func (f *fakeMatrix) SendToSelf(_ context.Context, nonce string) error {
	f.mu.Lock()
	lost := f.losesProbes
	f.mu.Unlock()
	if !lost {
		f.add(selfRoom, botUser, event.EventMessage, &event.Content{Parsed: NoticeContent(string(words.SelfProbe)), Raw: map[string]any{TagKey: Tag{Kind: TagProbe, Nonce: nonce}}})
		f.mu.Lock()
		defer f.mu.Unlock()
		f.signal()
	}
	return nil
}

func (f *fakeMatrix) setLosesProbes(loses bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.losesProbes = loses
}

func (f *fakeMatrix) syncForever(ctx context.Context) {
	for ctx.Err() == nil {
		changed, err := f.syncUnlessPaused(ctx)
		if err != nil && ctx.Err() == nil {
			f.t.Errorf("sync: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// syncUnlessPaused returns what is closed when something has changed since.
func (f *fakeMatrix) syncUnlessPaused(ctx context.Context) (changed <-chan struct{}, err error) {
	f.accepting.Lock()
	defer f.accepting.Unlock()
	f.mu.Lock()
	changed, paused := f.changed, f.paused
	f.mu.Unlock()
	if !paused {
		err = f.sync(ctx)
	}
	return changed, err
}

func (f *fakeMatrix) syncOnce(ctx context.Context) error {
	f.accepting.Lock()
	defer f.accepting.Unlock()
	return f.sync(ctx)
}

// sync has the core accept what is new; the caller holds f.accepting.
func (f *fakeMatrix) sync(ctx context.Context) error {
	f.mu.Lock()
	sync := Sync{Since: fmt.Sprintf("s%d", f.batch), NextBatch: fmt.Sprintf("s%d", f.batch+1)}
	took := make(map[id.RoomID]int)
	for room, events := range f.rooms {
		begin, end := f.synced[room], len(events)
		if room == roomID {
			end -= f.withheld
		}
		if begin >= end {
			continue
		}
		roomSync := RoomSync{Room: room, Events: slices.Clone(events[begin:end])}
		for _, evt := range roomSync.Events {
			switch {
			case evt.ParseError != nil || evt.StateKey == nil:
			case evt.Type.Type == MarkerType.Type && evt.Sender == botUser:
				roomSync.Marker = &RoomMarker{}
				if err := json.Unmarshal(evt.Content.VeryRaw, roomSync.Marker); err != nil {
					f.t.Error(err)
				}
			case evt.Type.Type == event.StateMember.Type:
				membership, _ := evt.Content.Raw["membership"].(string)
				roomSync.Members = append(roomSync.Members, MemberChange{id.UserID(*evt.StateKey), event.Membership(membership)})
			}
		}
		if f.limit > 0 && end-begin > f.limit {
			roomSync.Events = roomSync.Events[end-begin-f.limit:]
			roomSync.Limited, roomSync.PrevBatch = true, fmt.Sprintf("p%d", end-f.limit)
			f.pages[sync.Since] = begin
		}
		sync.Rooms = append(sync.Rooms, roomSync)
		took[room] = end
	}
	f.mu.Unlock()
	if len(sync.Rooms) == 0 && f.greeted == f.core {
		return nil
	}
	f.greeted = f.core
	if err := f.core.AcceptSync(ctx, sync); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for room, end := range took {
		f.synced[room] = end
	}
	f.batch++
	f.signal()
	return nil
}

// setPaused returns when the last answer before the pause is accepted.
func (f *fakeMatrix) setPaused(paused bool) {
	if paused {
		f.accepting.Lock()
		defer f.accepting.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = paused
	f.signal()
}

func (f *fakeMatrix) UserID() id.UserID { return botUser }

func (f *fakeMatrix) OwnNames() []string { return []string{words.BotName} }

func (f *fakeMatrix) Send(ctx context.Context, room id.RoomID, out Outgoing, txnID string) (id.EventID, error) {
	f.mu.Lock()
	awaitTurn := f.awaitTurn
	f.mu.Unlock()
	if awaitTurn != nil {
		awaitTurn()
	}
	if out.Check != nil {
		if err := out.Check(ctx); err != nil {
			return "", &MatrixError{NotSent: true, Err: err}
		}
	}
	f.mu.Lock()
	before, after := f.beforeSend, f.afterSend
	known := f.byTxn[txnID]
	f.mu.Unlock()
	if known != "" && !f.forgetsTransactions {
		return known, nil
	}
	if f.isEncrypted() && out.EncryptedFallback != nil {
		out.Content = out.EncryptedFallback
	}
	body := out.Content.Body
	if before != nil {
		if err := before(body); err != nil {
			return "", err
		}
	}
	eventID := f.add(room, botUser, out.Type, &event.Content{Parsed: out.Content, Raw: map[string]any{TagKey: out.Tag}})
	f.mu.Lock()
	f.byTxn[txnID] = eventID
	if f.as == nil {
		f.as = make(map[id.EventID]id.UserID)
	}
	f.as[eventID] = out.As
	f.signal()
	f.mu.Unlock()
	if after != nil {
		if err := after(body); err != nil {
			return "", err
		}
	}
	return eventID, nil
}

// NoticesFilled takes what is to be said, as the bot does.
func (f *fakeMatrix) NoticesFilled(id.RoomID, id.UserID) {
	f.saying.Lock()
	defer f.saying.Unlock()
	notices, err := f.core.db.Notice.All(context.Background())
	if err != nil {
		return // the database is closed: the next start says it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, notice := range notices {
		if err = f.core.db.Notice.Delete(context.Background(), notice.ID); err != nil {
			f.t.Error(err)
		}
		switch {
		case notice.Room == "" && isOfProblem(notice.Markdown):
			f.problems = append(f.problems, notice.Markdown)
		case notice.Room == "":
			f.direct = append(f.direct, notice.Markdown)
		default:
			f.notices = append(f.notices, notice.Markdown)
			f.replies = append(f.replies, notice.ReplyTo)
		}
	}
	f.signal()
}

func (f *fakeMatrix) IsLimited() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limited
}

func (f *fakeMatrix) setLimited(limited bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limited = limited
}

func (f *fakeMatrix) isEncrypted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.encrypted
}

func (f *fakeMatrix) UploadPicture(_ context.Context, _ id.RoomID, source string) (*Picture, error) {
	f.mu.Lock()
	f.uploads = append(f.uploads, source)
	upload := f.pictures[source]
	f.mu.Unlock()
	if upload == nil {
		return nil, errors.New("there is no such picture")
	}
	return upload()
}

func (f *fakeMatrix) UploadText(_ context.Context, _ id.RoomID, text string) (*File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.textError != nil {
		return nil, f.textError
	}
	f.texts = append(f.texts, text)
	if f.encrypted {
		return &File{File: &event.EncryptedFileInfo{URL: "mxc://a.example/secret"}}, nil
	}
	return &File{URL: "mxc://a.example/text"}, nil
}

func (f *fakeMatrix) MarkRead(_ id.RoomID, eventID id.EventID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = append(f.read, eventID)
	f.signal()
}

func (f *fakeMatrix) MemberName(_ context.Context, _ id.RoomID, user id.UserID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names[user]
}

// Members returns the people whom the test has named, those in the room.
func (f *fakeMatrix) Members(_ context.Context, room id.RoomID) (map[id.UserID]Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if made := f.members[room]; made != nil {
		members := make(map[id.UserID]Member)
		for user, membership := range made {
			if membership == event.MembershipJoin || membership == event.MembershipInvite {
				members[user] = Member{f.names[user], membership == event.MembershipJoin}
			}
		}
		return members, nil
	}
	members := map[id.UserID]Member{botUser: {words.BotName, true}}
	for user, name := range f.names {
		members[user] = Member{name, !f.invited[user]}
	}
	return members, nil
}

func (f *fakeMatrix) RoomName(_ context.Context, room id.RoomID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name, ok := f.named[room]; ok {
		return name
	}
	return "Test room"
}

// SharedRoomName knows the rooms that the test has shared.
func (f *fakeMatrix) SharedRoomName(ctx context.Context, room string, user id.UserID) string {
	f.awaitAnswer(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookedRooms = append(f.lookedRooms, room)
	return f.shared[user][room]
}

func (f *fakeMatrix) Backfill(_ context.Context, room id.RoomID, from, to string) ([]Event, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.backfillError != nil {
		return nil, "", f.backfillError
	}
	end := len(f.rooms[room])
	if from != "" {
		if _, err := fmt.Sscanf(from, "p%d", &end); err != nil {
			return nil, "", err
		}
	}
	begin := f.pages[to]
	start := max(begin, end-7) // small pages
	events := slices.Clone(f.rooms[room][start:end])
	slices.Reverse(events)
	if start == begin {
		return events, "", nil
	}
	return events, fmt.Sprintf("p%d", start), nil
}

// Event returns an event as the homeserver has it now: without its content if it was redacted.
// awaitAnswer waits as long as its caller does if the homeserver is slow.
func (f *fakeMatrix) awaitAnswer(ctx context.Context) {
	f.mu.Lock()
	slow := f.isSlow
	f.mu.Unlock()
	if slow {
		<-ctx.Done()
	}
}

func (f *fakeMatrix) Event(ctx context.Context, room id.RoomID, eventID id.EventID) (*Event, error) {
	if f.awaitAnswer(ctx); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	f.mu.Lock()
	if f.eventError != nil {
		defer f.mu.Unlock()
		return nil, f.eventError
	}
	f.looked = append(f.looked, eventID)
	var found *Event
	for _, evt := range f.rooms[room] {
		if evt.ID == eventID {
			copied := *evt.Event
			found = &Event{Event: &copied, Tag: evt.Tag}
		} else if found != nil && f.replaces && editedBy(evt.Event) == eventID {
			content, _ := evt.Content.Raw["m.new_content"].(map[string]any)
			found.Content, found.Replaced = event.Content{Raw: content}, true
		} else if found != nil && evt.Type.Type == event.EventRedaction.Type && redacted(evt.Event) == eventID {
			found.Content, found.Unsigned.RedactedBecause = event.Content{}, evt.Event
		}
	}
	f.mu.Unlock()
	if found != nil && found.Type.Type == event.EventEncrypted.Type {
		if decrypted, err := f.Decrypt(ctx, found.Event); err == nil {
			found.Event = decrypted
		}
	}
	return found, nil
}

func (f *fakeMatrix) Decrypt(_ context.Context, evt *event.Event) (*event.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.beforeDecrypt != nil {
		f.beforeDecrypt(evt.ID)
	}
	text, ok := f.decryptable[evt.ID]
	if !ok && f.keyTrouble[evt.ID] != nil {
		return nil, f.keyTrouble[evt.ID]
	} else if !ok {
		return nil, ErrNoKey
	}
	decrypted := *evt
	decrypted.Type = event.EventMessage
	decrypted.Content = event.Content{}
	content := map[string]any{"msgtype": "m.text", "body": text}
	if relation := evt.Content.Raw["m.relates_to"]; relation != nil {
		content["m.relates_to"] = relation
	}
	if editedBy(evt) != "" {
		content["m.new_content"] = map[string]any{"msgtype": "m.text", "body": text}
	}
	data, _ := json.Marshal(content)
	return &decrypted, json.Unmarshal(data, &decrypted.Content)
}

func (f *fakeMatrix) RequestKey(_ context.Context, evt *event.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keysAsked = append(f.keysAsked, evt.ID)
	f.signal()
	if f.askFails > 0 {
		f.askFails--
		return &MatrixError{Err: errLost}
	}
	return nil
}

// sayEncrypted lets a person say something by a session whose key the bot does not have.
func (f *fakeMatrix) sayEncrypted(sender id.UserID, session string, changes ...func(*event.Event)) id.EventID {
	return f.add(roomID, sender, event.EventEncrypted, map[string]any{
		"algorithm": "m.megolm.v1.aes-sha2", "session_id": session, "ciphertext": "secret",
	}, changes...)
}

// giveKey makes an event decryptable, without a word to the core.
func (f *fakeMatrix) giveKey(eventID id.EventID, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decryptable[eventID] = text
}

// setKeyTrouble says why an event cannot be decrypted.
func (f *fakeMatrix) setKeyTrouble(eventID id.EventID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keyTrouble[eventID] = err
}

func (f *fakeMatrix) InboxFilled(id.RoomID) {}

func (f *fakeMatrix) Resync(ctx context.Context) error {
	f.mu.Lock()
	resyncs := f.resyncs
	if resyncs != nil {
		f.heldResyncs++
	}
	f.mu.Unlock()
	if resyncs != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-resyncs:
		}
	}
	return f.syncOnce(ctx)
}

// withhold has the homeserver bring all events of the room but the newest n.
func (f *fakeMatrix) withhold(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.withheld = n
	f.signal()
}

// awaitHeldResync waits until something waits in Resync, see holdResyncs.
func (f *fakeMatrix) awaitHeldResync() {
	f.t.Helper()
	await.Until(f.t, "somebody to wait for the next sync", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.heldResyncs > 0
	})
}

// holdResyncs has Resync wait until release is called.
func (f *fakeMatrix) holdResyncs() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	resyncs := make(chan struct{})
	f.resyncs = resyncs
	return sync.OnceFunc(func() { close(resyncs) })
}

// shown returns the texts of Wazo people in the room, in order.
func (f *fakeMatrix) shown() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shownIn(roomID)
}

// shownIn is shown for any room; the lock must be held.
func (f *fakeMatrix) shownIn(room id.RoomID) (texts []string) {
	for _, evt := range f.rooms[room] {
		if evt.Tag != nil && evt.Tag.Kind == TagMessage {
			texts = append(texts, bodyOf(evt.Content.VeryRaw))
		}
	}
	return texts
}

func bodyOf(content json.RawMessage) string {
	var parsed struct {
		Body string `json:"body"`
	}
	_ = json.Unmarshal(content, &parsed)
	return parsed.Body
}

func (f *fakeMatrix) allNotices() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.notices)
}

// allDirect returns what the bot told people in person, without what it tells administrators of problems: on a busy
// machine, a connection takes longer than the tests' short OutageNotice.
func (f *fakeMatrix) allDirect() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.direct)
}

// allProblems returns what the bot told administrators of problems in person.
func (f *fakeMatrix) allProblems() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.problems)
}

func (f *fakeMatrix) awaitNotice(part string) {
	f.t.Helper()
	await.Until(f.t, "a notice with "+part, func() bool {
		return slices.ContainsFunc(f.allNotices(), func(n string) bool { return strings.Contains(n, part) })
	})
}

// awaitLinked waits until the core has accepted the echo of its "Linked" notice.
func (f *fakeMatrix) awaitLinked() {
	f.t.Helper()
	await.Until(f.t, "the link", func() bool {
		portal, err := f.core.Portal(context.Background(), roomID)
		return err == nil && portal != nil && portal.StartedOnMatrix
	})
}

// errLost is an answer that got lost after the homeserver acted, or before: nobody knows.
var errLost = &MatrixError{Err: errors.New("connection reset")}

// event returns an event of the main room.
func (f *fakeMatrix) event(eventID id.EventID) *event.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, evt := range f.rooms[roomID] {
		if evt.ID == eventID {
			return evt.Event
		}
	}
	f.t.Errorf("there is no event %s", eventID)
	return nil
}

func (f *fakeMatrix) Logins(context.Context) (LoginHistory, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logins, f.loginsError
}

func (f *fakeMatrix) SetLogins(_ context.Context, logins LoginHistory) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loginsError == nil {
		f.logins = logins
	}
	return f.loginsError
}
