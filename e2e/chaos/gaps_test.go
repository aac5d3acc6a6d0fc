package chaos

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// syncAnswer is an answer with one room with n messages.
func syncAnswer(n int, more ...string) string {
	var events []string
	for i := range n {
		events = append(events, fmt.Sprintf(`{"event_id":"$%d","type":"m.room.message"}`, i+1))
	}
	events = append(events, more...)
	return `{"next_batch":"s2","rooms":{"join":{"!a":{"state":{"events":[]},"timeline":{"limited":false,"prev_batch":"s1","events":[` +
		strings.Join(events, ",") + `]}}},"invite":{}}}`
}

func TestWhatIsLeftOutOfSyncIsInTheHistoryInOrder(t *testing.T) {
	for n := 2; n <= 2*gapPage+2; n++ {
		t.Run(fmt.Sprintf("%d events", n), func(t *testing.T) {
			g := newGaps()
			short, changed := g.shorten([]byte(syncAnswer(n)), 1, gapPage)
			require.True(t, changed)
			var answer struct {
				NextBatch string `json:"next_batch"`
				Rooms     struct {
					Join map[string]struct {
						Timeline struct {
							Limited   bool
							PrevBatch string `json:"prev_batch"`
							Events    []json.RawMessage
						}
					}
				}
			}
			require.NoError(t, json.Unmarshal(short, &answer))
			require.Equal(t, "s2", answer.NextBatch)
			timeline := answer.Rooms.Join["!a"].Timeline
			require.True(t, timeline.Limited)

			all := idsOf(t, timeline.Events)
			require.Equal(t, []string{fmt.Sprintf("$%d", n)}, all)
			for from := timeline.PrevBatch; from != ""; {
				recorder := httptest.NewRecorder()
				require.True(t, g.serve(recorder, httptest.NewRequest(http.MethodGet, "/messages?from="+from, nil)))
				var page historyPage
				require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &page))
				require.LessOrEqual(t, len(page.Chunk), gapPage)
				all, from = append(all, idsOf(t, page.Chunk)...), page.End
			}
			slices.Reverse(all)
			require.Len(t, all, n)
			for i, id := range all {
				require.Equal(t, fmt.Sprintf("$%d", i+1), id)
			}
		})
	}
}

func TestSyncIsLimitedAsBySynapse(t *testing.T) {
	asked := httptest.NewRequest(http.MethodGet, "/sync?since=s1&filter="+url.QueryEscape(`{"room":{"timeline":{"limit":500}}}`), nil)
	askForAll(asked)
	require.Equal(t, "s1", asked.URL.Query().Get("since"))
	require.JSONEq(t, fmt.Sprintf(`{"room":{"timeline":{"limit":%d}}}`, everything), asked.URL.Query().Get("filter"))
	for n, changed := range map[int]bool{1: false, synapseLimit: false, synapseLimit + 1: true} {
		_, shortened := newGaps().shorten([]byte(syncAnswer(n)), synapseLimit, synapseLimit)
		require.Equal(t, changed, shortened, n)
	}
}

func idsOf(t *testing.T, events []json.RawMessage) (ids []string) {
	t.Helper()
	for _, data := range events {
		var evt struct {
			ID string `json:"event_id"`
		}
		require.NoError(t, json.Unmarshal(data, &evt))
		ids = append(ids, evt.ID)
	}
	return ids
}

func TestAnswersOfSyncThatStayWhole(t *testing.T) {
	for name, answer := range map[string]string{
		"no room":                      `{"next_batch":"s2"}`,
		"one event":                    syncAnswer(1),
		"a change of state among them": syncAnswer(1, `{"event_id":"$s","type":"m.room.name","state_key":""}`, `{"event_id":"$2","type":"m.room.message"}`),
		"limited already":              strings.Replace(syncAnswer(3), `"limited":false`, `"limited":true`, 1),
		"no JSON":                      "<html>",
	} {
		t.Run(name, func(t *testing.T) {
			_, changed := newGaps().shorten([]byte(answer), 1, gapPage)
			require.False(t, changed)
		})
	}
}

func TestHistoryOfTheHomeserverIsNotServed(t *testing.T) {
	require.False(t, newGaps().serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/messages?from=t1_2", nil)))
}
