package chaos

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// when says at what moment a fault counts as fired.
type when bool

const (
	onRequest when = false
	onAnswer  when = true
)

// kind is a fault that can happen to a request.
type kind struct {
	name  string
	fires when
	// before sees the request before the server does. It returns false if it
	// has answered the request itself; it may also cut the connection.
	before func(w http.ResponseWriter, r *http.Request) bool
	// after sees, and may change, the server's answer. It returns whether the
	// fault could be applied; an error cuts the connection.
	after func(resp *http.Response) (bool, error)
}

// page is an answer that a fault gives.
type page struct {
	status      int
	contentType string
	body        string
	header      http.Header
}

const (
	typeJSON = "application/json"
	typeHTML = "text/html"

	gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
		"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)

// limitTime is how long an answer 429 asks to wait. The header Retry-After has
// whole seconds.
const limitTime = 300 * time.Millisecond

var (
	unknownJSON = page{http.StatusInternalServerError, typeJSON, `{"errcode":"M_UNKNOWN","error":"Internal server error"}`, nil}
	gatewayHTML = page{http.StatusBadGateway, typeHTML, gatewayPage, nil}
	emptyAnswer = page{http.StatusServiceUnavailable, "text/plain", "", nil}
	limitInBody = page{http.StatusTooManyRequests, typeJSON,
		`{"errcode":"M_LIMIT_EXCEEDED","error":"Too many requests","retry_after_ms":` + strconv.FormatInt(limitTime.Milliseconds(), 10) + `}`, nil}
	limitInHeader = page{http.StatusTooManyRequests, typeJSON, `{"errcode":"M_LIMIT_EXCEEDED","error":"Too many requests"}`,
		http.Header{"Retry-After": {"1"}}}
)

// commonKinds are the faults that networks and proxies cause for any request.
func commonKinds(delay time.Duration) []kind {
	return []kind{
		{name: "delayed", before: pause(delay)},
		{name: "cut before the server saw it", before: func(http.ResponseWriter, *http.Request) bool { cut(); return false }},
		{name: "answer lost", fires: onAnswer, after: func(*http.Response) (bool, error) { return true, errSwallowed }},
		{name: "answer torn", fires: onAnswer, after: tear},
		{name: "silence, then cut", before: silence(delay)},
		{name: "500 as JSON", before: answerWith(unknownJSON)},
		{name: "502 as HTML", before: answerWith(gatewayHTML)},
		{name: "503 without body", before: answerWith(emptyAnswer)},
		{name: "429 with the time in the body", before: answerWith(limitInBody)},
		{name: "429 with the time in the header", before: answerWith(limitInHeader)},
		{name: "done, but answered 502 as HTML", fires: onAnswer, after: replaceBy(gatewayHTML)},
	}
}

// pause delays the request.
func pause(d time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(_ http.ResponseWriter, r *http.Request) bool {
		return sleep(r.Context(), d) == nil
	}
}

// silence is a connection whose other end does not answer any more.
func silence(d time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(_ http.ResponseWriter, r *http.Request) bool {
		_ = sleep(r.Context(), d) // cut in any case
		cut()
		return false
	}
}

func answerWith(p page) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for name, values := range p.header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", p.contentType)
		w.WriteHeader(p.status)
		_, _ = io.WriteString(w, p.body) // an error means that the relay has ended
		return false
	}
}

// replaceBy lets the server do its work and gives another answer for it.
func replaceBy(p page) func(*http.Response) (bool, error) {
	return func(resp *http.Response) (bool, error) {
		_ = resp.Body.Close() // only read
		resp.StatusCode, resp.Status = p.status, ""
		resp.Header = http.Header{"Content-Type": {p.contentType}}
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader([]byte(p.body))), int64(len(p.body))
		resp.Header.Set("Content-Length", strconv.Itoa(len(p.body)))
		return true, nil
	}
}

var errTorn = errors.New("the connection breaks in the middle of the answer")

// tear lets only the first half of an answer through.
func tear(resp *http.Response) (bool, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	if len(body) < 2 {
		return true, errSwallowed
	}
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	resp.ContentLength = int64(len(body))
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenReader{}))
	return true, nil
}

type brokenReader struct{}

// Read implements io.Reader.
func (brokenReader) Read([]byte) (int, error) { return 0, errTorn }

// pageKinds are those of the common kinds that happen to requests for Matrix
// history. They are few, because such requests are rare. All happen before the
// server is asked, because gaps answers many of these requests itself.
func pageKinds(delay time.Duration) []kind {
	return slices.DeleteFunc(commonKinds(delay), func(k kind) bool {
		return !slices.Contains([]string{"delayed", "cut before the server saw it", "502 as HTML", "429 with the time in the body"}, k.name)
	})
}

// roomKinds are those of the common kinds that happen to requests that make a room or
// invite somebody. They are few, because such requests are rare.
func roomKinds(delay time.Duration) []kind {
	return slices.DeleteFunc(commonKinds(delay), func(k kind) bool {
		return !slices.Contains([]string{"cut before the server saw it", "answer lost", "502 as HTML", "429 with the time in the body", "done, but answered 502 as HTML"}, k.name)
	})
}

// shortTimeline makes /sync leave out events, which the relay must then read from
// the history.
func shortTimeline(g *gaps) kind {
	return kind{name: "most of the timeline left out", fires: onAnswer, after: g.leaveOut}
}
