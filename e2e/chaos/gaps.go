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

	"github.com/tidwall/sjson"
)

// gaps leave events out of answers of /sync, as a homeserver does after a long
// absence, and serve them as history. They do not leave this to Dendrite, because
// its /messages orders by depth instead of by arrival, leaves out events that
// people send at the same moment, and returns one event per page. So Dendrite is
// asked for everything, and the gaps shorten it.
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
	// gapPage is how many events a page of a short gap has. It is small, so that
	// such a gap has several pages.
	gapPage = 3
	// synapseLimit is how many events of a room Synapse gives in an answer.
	synapseLimit = 100
	// everything is more events than a room has.
	everything = 100_000
)

func newGaps() *gaps { return &gaps{pages: make(map[string]historyPage)} }

// askForAll makes a request for /sync ask for whole timelines.
func askForAll(r *http.Request) {
	query := r.URL.Query()
	if filter, err := sjson.Set(query.Get("filter"), "room.timeline.limit", everything); err == nil {
		query.Set("filter", filter)
		r.URL.RawQuery = query.Encode()
	}
}

// limit shortens an answer of /sync as Synapse does.
func (g *gaps) limit(resp *http.Response) error {
	_, err := g.shortenAnswer(resp, synapseLimit, synapseLimit)
	return err
}

// leaveOut shortens an answer of /sync to the newest event of each room. It
// returns false if there was nothing that could be left out.
func (g *gaps) leaveOut(resp *http.Response) (bool, error) { return g.shortenAnswer(resp, 1, gapPage) }

// shortenAnswer leaves at most keep events of each room, and makes pages of the others.
func (g *gaps) shortenAnswer(resp *http.Response, keep, page int) (bool, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	changed := false
	if resp.StatusCode == http.StatusOK {
		if short, ok := g.shorten(body, keep, page); ok {
			body, changed = short, true
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return changed, nil
}

func (g *gaps) shorten(body []byte, keep, page int) (short []byte, changed bool) {
	var answer, sections, joined map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["rooms"], &sections) != nil ||
		json.Unmarshal(sections["join"], &joined) != nil {
		return nil, false
	}
	for id, room := range joined {
		if shortRoom := g.shortenRoom(room, keep, page); shortRoom != nil {
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
func (g *gaps) shortenRoom(room json.RawMessage, keep, page int) json.RawMessage {
	var parts, timeline map[string]json.RawMessage
	var events []json.RawMessage
	if json.Unmarshal(room, &parts) != nil || json.Unmarshal(parts["timeline"], &timeline) != nil ||
		json.Unmarshal(timeline["events"], &events) != nil {
		return nil
	}
	older := max(0, len(events)-keep)
	if older == 0 || string(timeline["limited"]) == "true" || hasState(events[:older]) {
		return nil
	}
	timeline["events"] = raw(events[older:])
	timeline["limited"] = raw(true)
	timeline["prev_batch"] = raw(g.keep(events[:older], page))
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

// keep stores events, which come oldest first, as pages of a size. It returns the
// token of the first page, which has the newest events.
func (g *gaps) keep(events []json.RawMessage, size int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	older := ""
	for len(events) > 0 {
		// The oldest page comes first: its end is the end of the gap.
		n := min(size, len(events))
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
