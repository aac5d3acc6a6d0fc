package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// gaps leave events out of answers of /sync, as a homeserver does after a long
// absence, and serve them as history. They do not leave this to Dendrite, because
// its /messages orders by depth instead of by arrival, leaves out events that
// people send at the same moment, and returns one event per page.
type gaps struct {
	mu    sync.Mutex
	pages map[string]historyPage // by pagination token
}

// historyPage is an answer of /messages.
type historyPage struct {
	Chunk []json.RawMessage `json:"chunk"` // newest first
	Start string            `json:"start"`
	End   string            `json:"end,omitempty"`
}

const (
	gapToken = "chaos-"
	// gapPage is how many events a page has. It is small, so that a gap has
	// several pages.
	gapPage = 3
)

func newGaps() *gaps { return &gaps{pages: make(map[string]historyPage)} }

// leaveOut shortens an answer of /sync to the newest event of each room. It
// returns false if there was nothing that could be left out.
func (g *gaps) leaveOut(resp *http.Response) (bool, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	changed := false
	if resp.StatusCode == http.StatusOK {
		if short, ok := g.shorten(body); ok {
			body, changed = short, true
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return changed, nil
}

func (g *gaps) shorten(body []byte) (short []byte, changed bool) {
	var answer, sections, joined map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["rooms"], &sections) != nil ||
		json.Unmarshal(sections["join"], &joined) != nil {
		return nil, false
	}
	for id, room := range joined {
		if shortRoom := g.shortenRoom(room); shortRoom != nil {
			joined[id], changed = shortRoom, true
		}
	}
	if !changed {
		return nil, false
	}
	sections["join"] = raw(joined)
	answer["rooms"] = raw(sections)
	return raw(answer), true
}

// shortenRoom returns nil for a room of which nothing can be left out.
func (g *gaps) shortenRoom(room json.RawMessage) json.RawMessage {
	var parts, timeline map[string]json.RawMessage
	var events []json.RawMessage
	if json.Unmarshal(room, &parts) != nil || json.Unmarshal(parts["timeline"], &timeline) != nil ||
		json.Unmarshal(timeline["events"], &events) != nil {
		return nil
	}
	if len(events) < 2 || string(timeline["limited"]) == "true" || hasState(events) {
		return nil
	}
	newest := len(events) - 1
	timeline["events"] = raw(events[newest:])
	timeline["limited"] = raw(true)
	timeline["prev_batch"] = raw(g.keep(events[:newest]))
	parts["timeline"] = raw(timeline)
	return raw(parts)
}

// hasState says whether there are state events among events. If those were left
// out of a timeline, they would have to be added elsewhere in the answer.
func hasState(events []json.RawMessage) bool {
	for _, data := range events {
		var evt struct {
			StateKey *string `json:"state_key"`
		}
		if json.Unmarshal(data, &evt) != nil || evt.StateKey != nil {
			return true
		}
	}
	return false
}

// keep stores events, which come oldest first, as pages. It returns the token of
// the first page, which has the newest events.
func (g *gaps) keep(events []json.RawMessage) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	older := ""
	for len(events) > 0 {
		// The oldest page comes first: its end is the end of the gap.
		n := min(gapPage, len(events))
		page := historyPage{Start: fmt.Sprintf("%s%d", gapToken, len(g.pages)), End: older}
		for i := n - 1; i >= 0; i-- {
			page.Chunk = append(page.Chunk, events[i])
		}
		events = events[n:]
		g.pages[page.Start] = page
		older = page.Start
	}
	return older
}

// serve answers a request for history that was left out here. It returns false
// for any other request.
func (g *gaps) serve(w http.ResponseWriter, r *http.Request) bool {
	from := r.URL.Query().Get("from")
	if !strings.HasPrefix(from, gapToken) {
		return false
	}
	g.mu.Lock()
	page, ok := g.pages[from]
	g.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	w.Header().Set("Content-Type", typeJSON)
	_, _ = w.Write(raw(page)) // an error means that the relay has ended
	return true
}

// raw is the JSON of something that has one.
func raw(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("chaos: %T cannot be JSON: %v", v, err))
	}
	return data
}
