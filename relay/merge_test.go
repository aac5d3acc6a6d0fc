package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/await"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// line is what somebody says on Wazo.
type line struct {
	by   wazotest.User
	text string
}

func (f *fixture) linesOf(by wazotest.User, texts ...string) (lines []line) {
	for _, text := range texts {
		lines = append(lines, line{by, text})
	}
	return lines
}

// backlog lets lines wait behind a message that the homeserver is slow to take, while it limits the account. It returns
// their uuids, and a function that lets the homeserver take the message. on says how the homeserver answers what is
// sent then.
func (f *fixture) backlog(lines []line, on func(m *fakeMatrix)) (uuids []wazoapi.UUID, release func()) {
	f.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.matrix.mu.Lock()
	f.matrix.beforeSend = func(string) error {
		once.Do(func() {
			close(held)
			<-free
		})
		return nil
	}
	f.matrix.mu.Unlock()
	f.wazo.Post(f.room.UUID, f.bob, "first", "")
	await.Receive(f, "the first message", held)
	for _, line := range lines {
		uuids = append(uuids, wazoapi.UUID(f.wazo.Post(f.room.UUID, line.by, line.text, "").UUID))
	}
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	await.Until(f, "the messages to be queued", func() bool {
		counts, err := f.db.Queue.Counts(f.ctx, portal.ID)
		return err == nil && counts[db.ToMatrix].Pending == len(lines)+1
	})
	f.matrix.setLimited(true)
	f.matrix.mu.Lock()
	f.matrix.beforeSend = nil
	if on != nil {
		on(f.matrix)
	}
	f.matrix.mu.Unlock()
	return uuids, func() { close(free) }
}

// rowOf returns the queue row of a message.
func (f *fixture) rowOf(uuid wazoapi.UUID) *db.Row {
	f.Helper()
	portal, err := f.core.Portal(f.ctx, roomID)
	require.NoError(f, err)
	row, err := f.db.Queue.BySource(f.ctx, portal.ID, db.ToMatrix, string(uuid))
	require.NoError(f, err)
	return row
}

// requireRecorded checks that each message is recorded once, and as shown by an event that exists.
func (f *fixture) requireRecorded(uuids []wazoapi.UUID) {
	f.Helper()
	for _, uuid := range uuids {
		mapped, err := f.db.Message.QueryMany(f.ctx, `SELECT portal_id, wazo_uuid, part, event_id, author, created_at, relayed_at FROM message WHERE wazo_uuid = $1`, uuid)
		require.NoError(f, err)
		require.Len(f, mapped, 1)
		f.matrix.mu.Lock()
		shown := slices.ContainsFunc(f.matrix.rooms[roomID], func(evt Event) bool {
			return evt.ID == mapped[0].EventID && evt.Tag != nil && slices.Contains(evt.Tag.UUIDs(), uuid)
		})
		f.matrix.mu.Unlock()
		require.True(f, shown, "message %s is recorded as %s", uuid, mapped[0].EventID)
	}
}

func TestWaitingMessagesAreMergedWhileTheHomeserverLimits(t *testing.T) {
	t.Parallel()
	const picture = "![cat](https://a.example/cat.png)"
	for _, test := range []struct {
		name  string
		lines func(*fixture) []line
		want  []string
	}{
		{
			"of one person, as paragraphs",
			func(f *fixture) []line { return f.linesOf(f.alice, "one", "two", "three") },
			[]string{"Alice Martin: one\n\ntwo\n\nthree"},
		},
		{
			"of several people, with their names",
			func(f *fixture) []line { return append(f.linesOf(f.alice, "one", "two"), line{f.bob, "three"}) },
			[]string{"Alice Martin: one\n\nAlice Martin: two\n\nBob Stone: three"},
		},
		{
			"up to one with a picture, which is an event of its own",
			func(f *fixture) []line { return f.linesOf(f.alice, "one", "two", picture, "three", "four") },
			[]string{"Alice Martin: one\n\ntwo", "Alice Martin: ![cat](https://a.example/cat.png)", "Alice Martin: three\n\nfour"},
		},
		{
			"and one that waits alone is not changed",
			func(f *fixture) []line { return f.linesOf(f.alice, "one") },
			[]string{"Alice Martin: one"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			uuids, release := f.backlog(test.lines(f), nil)
			release()
			f.awaitShown(append([]string{"Bob Stone: first"}, test.want...)...)
			f.awaitEmpty()
			f.requireRecorded(uuids)
		})
	}
}

func TestNothingIsMergedWithoutALimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	_, release := f.backlog(f.linesOf(f.alice, "one", "two"), func(m *fakeMatrix) { m.limited = false })
	release()
	f.awaitShown("Bob Stone: first", "Alice Martin: one", "Alice Martin: two")
}

func TestMergedEventIsNotTooLarge(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	long := strings.Repeat("word ", 2000)
	var texts []string
	for i := range 2 * maxMerged {
		texts = append(texts, fmt.Sprintf("m%d", i))
	}
	for i := range 10 {
		texts = append(texts, fmt.Sprintf("%d %s", i, long))
	}
	uuids, release := f.backlog(f.linesOf(f.alice, texts...), nil)
	release()
	f.awaitEmpty()
	f.requireRecorded(uuids)
	var all []string
	events := f.matrix.shown()
	for _, body := range events {
		require.Less(t, len(body), 60_000)
		all = append(all, strings.Split(strings.TrimPrefix(body, "Alice Martin: "), "\n\n")...)
	}
	require.Equal(t, append([]string{"Bob Stone: first"}, texts...), all)
	require.Less(t, len(events), 12)
}

func TestUnknownOutcomeOfAMergedEvent(t *testing.T) {
	t.Parallel()
	lost := func() func(string) error {
		var once sync.Once
		return func(body string) (err error) {
			if strings.Contains(body, "two") {
				once.Do(func() { err = errLost })
			}
			return err
		}
	}
	for _, test := range []struct {
		name string
		set  func(*fakeMatrix)
	}{
		{"sent and the answer lost", func(m *fakeMatrix) { m.afterSend = lost() }},
		{"sent and the answer lost by a homeserver that forgets", func(m *fakeMatrix) { m.afterSend, m.forgetsTransactions = lost(), true }},
		{"not sent, for all one knows", func(m *fakeMatrix) { m.beforeSend, m.forgetsTransactions = lost(), true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			uuids, release := f.backlog(f.linesOf(f.alice, "one", "two", "three"), test.set)
			release()
			f.awaitShown("Bob Stone: first", "Alice Martin: one\n\ntwo\n\nthree")
			f.awaitEmpty()
			f.requireRecorded(uuids)
			require.Len(t, f.matrix.shown(), 2)
		})
	}
}

func TestRefusedMergeIsUndone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	uuids, release := f.backlog(f.linesOf(f.alice, "one", "bad", "three"), func(m *fakeMatrix) {
		m.beforeSend = func(body string) error {
			if strings.Contains(body, "bad") {
				return &MatrixError{Status: 413, Code: "M_TOO_LARGE", Err: errors.New("too large")}
			}
			return nil
		}
	})
	release()
	f.awaitShown("Bob Stone: first", "Alice Martin: one", "Alice Martin: three")
	f.awaitEmpty()
	f.requireRecorded([]wazoapi.UUID{uuids[0], uuids[2]})
	require.Equal(t, db.StateParked, f.rowOf(uuids[1]).State)
	require.Len(t, f.matrix.allNotices(), 1)

	f.wazo.Post(f.room.UUID, f.alice, "four", "")
	f.awaitShown("Bob Stone: first", "Alice Martin: one", "Alice Martin: three", "Alice Martin: four")
	dropped, err := f.core.Drop(f.ctx, roomID)
	require.NoError(t, err)
	require.Equal(t, 1, dropped)
}

func TestPoisonousMergeIsUndoneOnlyIfItDidNotArrive(t *testing.T) {
	t.Parallel()
	for _, arrives := range []bool{true, false} {
		t.Run(fmt.Sprintf("arrives: %v", arrives), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			failing := func(body string) error {
				if strings.Contains(body, "two") && strings.Contains(body, "one") {
					return &MatrixError{Status: 500, Err: errors.New("trouble")}
				}
				return nil
			}
			uuids, release := f.backlog(f.linesOf(f.alice, "one", "two"), func(m *fakeMatrix) {
				if arrives {
					m.afterSend = failing
				} else {
					m.beforeSend = failing
				}
			})
			lead := f.rowOf(uuids[0])
			for n := range poisonAttempts {
				f.core.poison.Failed(lead.ID, time.Now().Add(-2*poisonPeriod+time.Duration(n)*time.Second), time.Time{})
			}
			_, err := f.db.Exec(f.ctx, `UPDATE queue SET attempts = $2 WHERE id = $1`, lead.ID, poisonAttempts)
			require.NoError(t, err)
			release()
			if arrives {
				f.awaitShown("Bob Stone: first", "Alice Martin: one\n\ntwo")
			} else {
				f.awaitShown("Bob Stone: first", "Alice Martin: one", "Alice Martin: two")
			}
			f.awaitEmpty()
			f.requireRecorded(uuids)
			require.Empty(t, f.matrix.allNotices())
		})
	}
}

func TestRestartWithAMergedEvent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		set  func(*fakeMatrix)
		want []string
	}{
		{"that was not sent", func(m *fakeMatrix) {
			m.beforeSend = func(string) error { return errLost }
		}, []string{"Bob Stone: first", "Alice Martin: one\n\ntwo", "Alice Martin: after"}},
		{"that was sent but not recorded", func(m *fakeMatrix) {
			m.paused, m.afterSend = true, func(string) error { return errLost }
		}, []string{"Bob Stone: first", "Alice Martin: one\n\ntwo", "Alice Martin: after"}},
		{"that cannot be sent because the bot may not speak", func(m *fakeMatrix) {
			m.beforeSend = func(string) error { return &MatrixError{Status: 403, Code: "M_FORBIDDEN", Err: errors.New("muted")} }
		}, []string{"Bob Stone: first", "Alice Martin: one\n\ntwo", "Alice Martin: after"}},
		{"that was refused", func(m *fakeMatrix) {
			m.beforeSend = func(body string) error {
				if strings.Contains(body, "\n\n") {
					return &MatrixError{Status: 400, Code: "M_BAD_JSON", Err: errors.New("bad")}
				}
				return errLost
			}
		}, []string{"Bob Stone: first", "Alice Martin: one", "Alice Martin: two", "Alice Martin: after"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			uuids, release := f.backlog(f.linesOf(f.alice, "one", "two"), test.set)
			release()
			await.Until(t, "the failure", func() bool {
				portal, err := f.core.Portal(f.ctx, roomID)
				return err == nil && portal.LastError != ""
			})
			f.halt()
			f.matrix.mu.Lock()
			f.matrix.beforeSend, f.matrix.afterSend, f.matrix.paused = nil, nil, false
			clear(f.matrix.byTxn) // homeservers forget transaction ids
			f.matrix.mu.Unlock()
			f.start()
			f.wazo.Post(f.room.UUID, f.alice, "after", "")
			_, err := f.core.Retry(f.ctx, roomID)
			require.NoError(t, err)
			f.awaitShown(test.want...)
			f.awaitEmpty()
			f.requireRecorded(uuids)
			require.Equal(t, test.want, f.matrix.shown())
		})
	}
}

func TestDropLeavesAMergedEventThatWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start()
	f.link()
	uuids, release := f.backlog(f.linesOf(f.alice, "one", "two"), func(m *fakeMatrix) {
		m.beforeSend = func(string) error { return &MatrixError{Status: 403, Code: "M_FORBIDDEN", Err: errors.New("muted")} }
	})
	release()
	f.awaitSilenced()
	dropped, err := f.core.Drop(f.ctx, roomID)
	require.NoError(t, err)
	require.Zero(t, dropped)
	f.matrix.mu.Lock()
	f.matrix.beforeSend = nil
	f.matrix.mu.Unlock()
	_, err = f.core.Retry(f.ctx, roomID)
	require.NoError(t, err)
	f.awaitShown("Bob Stone: first", "Alice Martin: one\n\ntwo")
	f.awaitEmpty()
	f.requireRecorded(uuids)
}

func TestUnlinkWithAMergedEvent(t *testing.T) {
	t.Parallel()
	for _, sent := range []bool{true, false} {
		t.Run(fmt.Sprintf("sent: %v", sent), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.start()
			f.link()
			inSend, free := make(chan struct{}), make(chan struct{})
			var once sync.Once
			hold := func(body string) (err error) {
				if strings.Contains(body, "two") {
					once.Do(func() {
						close(inSend)
						<-free
					})
				}
				return nil
			}
			_, release := f.backlog(f.linesOf(f.alice, "one", "two"), func(m *fakeMatrix) {
				if sent {
					m.afterSend = hold
				} else {
					m.beforeSend = hold
				}
			})
			release()
			await.Receive(t, "the merged event", inSend)
			require.NoError(t, f.core.Unlink(f.ctx, roomID))
			close(free)
			f.awaitShown("Bob Stone: first", "Alice Martin: one\n\ntwo")
			f.link()
			f.wazo.Post(f.room.UUID, f.alice, "after", "")
			f.awaitShown("Bob Stone: first", "Alice Martin: one\n\ntwo", "Alice Martin: after")
			f.awaitEmpty()
		})
	}
}

// The database may be one of before a merge, or of before an unmerge.
func TestRestoredDatabaseLearnsOfMergedEvents(t *testing.T) {
	t.Parallel()
	t.Run("of before the merge", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		f.wazo.Post(f.room.UUID, f.alice, "before", "")
		f.awaitShown("Alice Martin: before")
		f.awaitEmpty()
		f.halt()
		restore := f.snapshot()
		f.start()
		uuids, release := f.backlog(f.linesOf(f.alice, "one", "two", "three"), nil)
		release()
		want := []string{"Alice Martin: before", "Bob Stone: first", "Alice Martin: one\n\ntwo\n\nthree"}
		f.awaitShown(want...)
		f.awaitEmpty()
		f.halt()
		restore()
		f.start()
		f.wazo.Post(f.room.UUID, f.alice, "after", "")
		f.awaitShown(append(want, "Alice Martin: after")...)
		f.awaitEmpty()
		f.requireRecorded(uuids)
	})

	t.Run("of before the merge was undone", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.start()
		f.link()
		uuids, release := f.backlog(f.linesOf(f.alice, "one", "two", "three"), func(m *fakeMatrix) {
			m.beforeSend = func(string) error { return errLost }
		})
		release()
		await.Until(t, "the failure", func() bool {
			portal, err := f.core.Portal(f.ctx, roomID)
			return err == nil && portal.LastError != ""
		})
		f.halt()
		restore := f.snapshot()
		f.matrix.mu.Lock()
		f.matrix.beforeSend = func(body string) error {
			if strings.Contains(body, "\n\n") {
				return &MatrixError{Status: 400, Code: "M_BAD_JSON", Err: errors.New("bad")}
			} else if strings.Contains(body, "three") {
				return errLost
			}
			return nil
		}
		f.matrix.mu.Unlock()
		f.start()
		f.awaitShown("Bob Stone: first", "Alice Martin: one", "Alice Martin: two")
		f.halt()
		restore()
		f.matrix.mu.Lock()
		f.matrix.beforeSend = nil
		f.matrix.mu.Unlock()
		f.start()
		f.awaitShown("Bob Stone: first", "Alice Martin: one", "Alice Martin: two", "Alice Martin: three")
		f.awaitEmpty()
		require.Len(t, f.matrix.shown(), 4)
		f.requireRecorded(uuids[2:])
	})
}

func TestTagOfAMergedEventListsItsMessages(t *testing.T) {
	t.Parallel()
	tag := Tag{Kind: TagMessage, UUID: "a", Also: []wazoapi.UUID{"b", "c"}}
	content, err := json.Marshal(&event.Content{Raw: map[string]any{TagKey: tag}})
	require.NoError(t, err)
	require.JSONEq(t, `{"io.wazo.relay":{"kind":"message","uuid":"a","also":["b","c"]}}`, string(content))
	require.Equal(t, []wazoapi.UUID{"a", "b", "c"}, TagOf(content, botUser).UUIDs())
}
