package wazoapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testSource = "fae9e10d-fe46-43b8-8384-6d3256813c34"

// fakeDird knows people and counts questions.
type fakeDird struct {
	mu      sync.Mutex
	people  map[UUID]Contact
	source  string
	sources int
	batches [][]string
	fail    http.HandlerFunc // replaces the contacts' answer if not nil
}

func (d *fakeDird) asked() (sources int, batches [][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sources, d.batches
}

func newFakeDird(t *testing.T, f *fakeWazo) *fakeDird {
	d := &fakeDird{people: map[UUID]Contact{}, source: testSource}
	f.handle("GET /api/dird/0.1/directories/default/sources", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sources++
		assert.Equal(t, "wazo", r.URL.Query().Get("backend"))
		answerJSON(w, 200, strings.ReplaceAll(string(testdata(t, "sources.json")), testSource, d.source))
	})
	f.handle("GET /api/dird/0.1/backends/wazo/sources/{source}/contacts", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.PathValue("source") != d.source {
			answerJSON(w, 404, `{"message": "No such source", "error_id": "unknown-source", "details": {}, "resource": "sources"}`)
			return
		}
		if d.fail != nil {
			d.batches = append(d.batches, nil)
			d.fail(w, r)
			return
		}
		uuids := strings.Split(r.URL.Query().Get("uuid"), ",")
		d.batches = append(d.batches, uuids)
		found := []Contact{}
		for _, u := range uuids {
			if c, ok := d.people[UUID(u)]; ok {
				found = append(found, c)
			}
		}
		body, err := json.Marshal(map[string]any{"items": found, "total": len(found), "filtered": len(found)})
		assert.NoError(t, err)
		answerJSON(w, 200, string(body))
	})
	return d
}

func person(n int) UUID { return UUID(fmt.Sprintf("00000000-0000-4000-8000-%012x", n)) }

// newTestDirectory returns a directory of 200 people, a fake dird and a clock. Names are kept for an hour.
func newTestDirectory(t *testing.T) (*Directory, *fakeDird, *fakeClock) {
	return newTestDirectoryOf(t, time.Hour)
}

// newTestDirectoryOf is newTestDirectory with another time for which names are kept.
func newTestDirectoryOf(t *testing.T, ttl time.Duration) (*Directory, *fakeDird, *fakeClock) {
	f, clock := newFakeWazo(t), newFakeClock()
	f.now = clock.Now
	dird := newFakeDird(t, f)
	for i := range 200 {
		dird.people[person(i)] = Contact{UUID: person(i), FirstName: "Person", LastName: fmt.Sprint(i)}
	}
	c := f.client()
	c.now = clock.Now
	return NewDirectory(c.Account(Credentials{"alice", "pa55word"}, nil), ttl), dird, clock
}

func TestNamesAreKept(t *testing.T) {
	t.Parallel()
	d, dird, clock := newTestDirectory(t)
	unknown := person(1000)
	want := map[UUID]string{person(1): "Person 1", person(2): "Person 2"}
	ask := func() {
		t.Helper()
		got, err := d.Names(t.Context(), person(1), person(2), person(1), unknown)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	batches := func() [][]string { _, b := dird.asked(); return b }

	ask()
	ask()
	assert.Equal(t, [][]string{{string(person(1)), string(person(2)), string(unknown)}}, batches())

	clock.advance(time.Hour / 10)
	ask()
	require.Len(t, batches(), 2)
	assert.Equal(t, []string{string(unknown)}, batches()[1], "an unknown uuid is asked about again earlier")

	clock.advance(time.Hour)
	dird.mu.Lock()
	dird.people[person(1)] = Contact{UUID: person(1), FirstName: "Renamed"}
	dird.mu.Unlock()
	want[person(1)] = "Renamed"
	ask()
	sources, _ := dird.asked()
	assert.Equal(t, 2, sources)
}

// TestNamesAreRefreshedTogether: a new name is used soon, and that does not take a request for each person.
func TestNamesAreRefreshedTogether(t *testing.T) {
	t.Parallel()
	d, dird, clock := newTestDirectoryOf(t, 5*time.Minute)
	const people = 40
	ask := func(n int) string {
		t.Helper()
		names, err := d.Names(t.Context(), person(n))
		require.NoError(t, err)
		return names[person(n)]
	}
	// They begin to talk one after the other, so their names are not equally old.
	for n := range people {
		ask(n)
		clock.advance(7 * time.Second)
	}
	_, first := dird.asked()
	const minutes = 60
	for minute := range minutes {
		if minute == 30 {
			dird.mu.Lock()
			dird.people[person(7)] = Contact{UUID: person(7), FirstName: "Renamed"}
			dird.mu.Unlock()
		}
		for n := range people {
			name := ask(n)
			if n == 7 && minute >= 35 {
				require.Equal(t, "Renamed", name)
			}
			clock.advance(time.Minute / people)
		}
	}
	_, all := dird.asked()
	assert.LessOrEqual(t, len(all)-len(first), minutes/5+1, "requests for %d people in an hour", people)

	// Who does not talk any more is not asked about any more.
	clock.advance(10 * time.Minute)
	ask(1)
	clock.advance(10 * time.Minute)
	ask(1)
	_, all = dird.asked()
	assert.Equal(t, []string{string(person(1))}, all[len(all)-1])
}

// TestAHangingDirectoryIsWaitedForOnce: a caller that does not wait any longer must not be followed by the next who
// waits as long.
func TestAHangingDirectoryIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	d, dird, clock := newTestDirectory(t)
	_, err := d.Names(t.Context(), person(1))
	require.NoError(t, err)
	dird.mu.Lock()
	dird.fail = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	dird.mu.Unlock()
	clock.advance(2 * time.Hour)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		got, err := d.Names(ctx, person(1))
		cancel()
		require.Error(t, err)
		assert.Equal(t, map[UUID]string{person(1): "Person 1"}, got)
	}
	_, batches := dird.asked()
	assert.Len(t, batches, 2)
}

func TestNamesAskInBatches(t *testing.T) {
	t.Parallel()
	d, dird, _ := newTestDirectory(t)
	var all []UUID
	for i := range 101 {
		all = append(all, person(i))
	}
	got, err := d.Names(t.Context(), all...)
	require.NoError(t, err)
	assert.Len(t, got, 101)
	_, batches := dird.asked()
	require.Len(t, batches, 3)
	assert.Len(t, batches[0], 50)
	assert.Len(t, batches[1], 50)
	assert.Len(t, batches[2], 1)
}

func TestManyCallersAskOnce(t *testing.T) {
	t.Parallel()
	d, dird, _ := newTestDirectory(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			got, err := d.Names(t.Context(), person(1), person(2))
			assert.NoError(t, err)
			assert.Len(t, got, 2)
		})
	}
	wg.Wait()
	sources, batches := dird.asked()
	assert.Equal(t, 1, sources)
	assert.Len(t, batches, 1)
}

func TestWhatIsNoUUIDIsUnknown(t *testing.T) {
	t.Parallel()
	d, dird, _ := newTestDirectory(t)
	got, err := d.Names(t.Context(), "", "a,b", "..")
	require.NoError(t, err)
	assert.Empty(t, got)
	_, batches := dird.asked()
	assert.Empty(t, batches)
}

func TestDirectoryIsDown(t *testing.T) {
	t.Parallel()
	d, dird, clock := newTestDirectory(t)
	_, err := d.Names(t.Context(), person(1))
	require.NoError(t, err)

	dird.mu.Lock()
	dird.fail = func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 503, `{"message": "wazo-confd request error", "error_id": "wazo-confd-error", "details": {"original_error": "x"}}`)
	}
	dird.mu.Unlock()
	clock.advance(2 * time.Hour)
	for range 3 {
		got, err := d.Names(t.Context(), person(1), person(2))
		assert.True(t, isStatus(err, 503), "%v", err)
		assert.Equal(t, map[UUID]string{person(1): "Person 1"}, got, "what was known is still given")
	}
	_, batches := dird.asked()
	assert.Len(t, batches, 2, "after a failure, no question for a while")

	dird.mu.Lock()
	dird.fail = nil
	dird.mu.Unlock()
	clock.advance(failureTTL)
	got, err := d.Names(t.Context(), person(1), person(2))
	require.NoError(t, err)
	assert.Len(t, got, 2)
}

func TestSourceThatWasReplaced(t *testing.T) {
	t.Parallel()
	d, dird, clock := newTestDirectory(t)
	_, err := d.Names(t.Context(), person(1))
	require.NoError(t, err)
	dird.mu.Lock()
	dird.source = "aca9891d-a36b-4057-a127-4eda41e27cb9"
	dird.mu.Unlock()
	clock.advance(time.Minute)
	got, err := d.Names(t.Context(), person(2))
	require.NoError(t, err)
	assert.Len(t, got, 1)
}

func TestTenantWithoutDirectory(t *testing.T) {
	t.Parallel()
	f := newFakeWazo(t)
	f.handle("GET /api/dird/0.1/directories/default/sources", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"total": 4, "filtered": 0, "items": []}`)
	})
	_, err := NewDirectory(f.account(), time.Hour).Names(t.Context(), person(1))
	require.ErrorIs(t, err, ErrNoDirectory, "nobody must be taken for unknown because nobody could be asked")
}

func TestSearch(t *testing.T) {
	t.Parallel()
	d, dird, _ := newTestDirectory(t)
	dird.mu.Lock()
	dird.fail = func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "limit=100&search=zo%C3%A9+%25", r.URL.RawQuery)
		answerJSON(w, 200, string(testdata(t, "contacts.json")))
	}
	dird.mu.Unlock()
	found, err := d.Search(t.Context(), "zoé %")
	require.NoError(t, err)
	assert.Len(t, found, 30, "the recorded contacts")
	for _, contact := range found {
		assert.True(t, contact.UUID.Valid())
		assert.NotEmpty(t, contact.Name())
	}
}

func TestARefusedSearchDoesNotStopNames(t *testing.T) {
	t.Parallel()
	d, dird, _ := newTestDirectory(t)
	dird.mu.Lock()
	dird.fail = func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 400, `{"message": "bad"}`) }
	dird.mu.Unlock()
	_, err := d.Search(t.Context(), "x")
	require.True(t, isStatus(err, 400), "%v", err)
	dird.mu.Lock()
	dird.fail = nil
	dird.mu.Unlock()
	got, err := d.Names(t.Context(), person(1))
	require.NoError(t, err)
	assert.Len(t, got, 1)
}

func TestContactName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, json, want string }{
		{"first and last name", `{"firstname": "Alice", "lastname": "Martin", "email": "a@x"}`, "Alice Martin"},
		{"no last name", `{"firstname": "Alice", "lastname": null}`, "Alice"},
		{"blanks", `{"firstname": " ", "lastname": " Martin "}`, "Martin"},
		{"an address only", `{"firstname": null, "lastname": null, "email": "a@x", "exten": "1001"}`, "a@x"},
		{"a number only", `{"exten": "1001"}`, "1001"},
		{"nothing", `{}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Contact
			require.NoError(t, json.Unmarshal([]byte(tt.json), &c))
			assert.Equal(t, tt.want, c.Name())
		})
	}
}

func TestNameCacheIsBounded(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	c := newNameCache(time.Hour, 10, clock.Now)
	for i := range 1000 {
		c.store([]UUID{person(i)}, map[UUID]Contact{person(i): {LastName: "x"}})
		clock.advance(time.Second)
		assert.LessOrEqual(t, len(c.entries), 10)
		assert.Contains(t, c.entries, person(i), "the newest is always kept")
	}
	clock.advance(2 * time.Hour)
	c.store([]UUID{person(5000)}, nil)
	assert.Len(t, c.entries, 1, "what is too old goes first")
}

func TestCheckSeesTheEndOfAnOutageAtOnce(t *testing.T) {
	t.Parallel()
	d, dird, _ := newTestDirectory(t)
	require.NoError(t, d.Check(t.Context()))
	dird.mu.Lock()
	dird.fail = func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 503, `{"message": "wazo-confd request error"}`)
	}
	dird.mu.Unlock()
	_, err := d.Names(t.Context(), person(1))
	require.Error(t, err)
	require.Error(t, d.Check(t.Context()))
	dird.mu.Lock()
	dird.fail = nil
	dird.mu.Unlock()
	require.NoError(t, d.Check(t.Context()), "it asks also shortly after a failure")
	_, err = d.Names(t.Context(), person(1))
	require.NoError(t, err, "names are asked for again at once")
}
