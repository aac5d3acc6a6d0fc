package chaos

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wazo-matrix-relay/e2e/harness"
)

// class is what a request is for.
type class string

// The classes that faults are about.
const (
	matrixSend class = "matrix send"
	matrixSync class = "matrix sync"
	// matrixResume is a /sync after a pause, whose answer may hold several events.
	matrixResume class = "matrix sync after a pause"
	matrixPages  class = "matrix history"
	// matrixRooms and matrixInvites make the rooms of conversations, and invite people.
	matrixRooms   class = "matrix rooms"
	matrixInvites class = "matrix invites"
	wazoPost      class = "wazo post"
	wazoPages     class = "wazo history"
	// smsPost are posts that become text messages.
	smsPost class = "sms post"
	// wazoRelate are requests that change reactions or mark replies, and wazoRelated those that read them.
	wazoRelate  class = "wazo plugin"
	wazoRelated class = "wazo plugin's list"
	other       class = ""
)

// delivers says whether a request of the class carries a message.
func (c class) delivers() bool { return c == matrixSend || c == wazoPost || c == smsPost }

// changes says whether a request of the class changes what its server has.
func (c class) changes() bool {
	return c.delivers() || c == matrixRooms || c == matrixInvites || c == wazoRelate
}

// syncs says whether a request of the class asks for news.
func (c class) syncs() bool { return c == matrixSync || c == matrixResume }

// detached is how long a server may take for a request for which the relay does
// not wait any more.
const detached = 2 * time.Minute

// proxy stands between the relay and one of its servers. People's clients do not
// use it. A request that has reached the proxy reaches the server even if the relay
// is killed meanwhile, because that is the worst case.
type proxy struct {
	classify func(*http.Request) class
	tally    *tally
	gaps     *gaps
	made     *madeRooms
	inFlight *atomic.Int64 // requests that change something and are not answered

	sending  atomic.Int64    // of inFlight, those of this proxy
	answered harness.Changes // tells of each decrease of sending
	url      string
	server   *http.Server
	served   chan struct{}
	reverse  *httputil.ReverseProxy

	mu      sync.Mutex
	decks   map[class]*deck[kind]
	away    bool // connections are cut
	noSends bool // connections that change something are cut
	hushed  bool // nothing happens to single requests
	traps   []*trap
	slowest time.Duration // that a server took to carry a message
	synced  time.Time     // when /sync was last answered
}

// exchange is a request on its way.
type exchange struct {
	class class
	kind  *kind // what happens to it; nil is nothing
	trap  *trap
	began time.Time
	body  []byte // of the request
}

type exchangeKey struct{}

// startProxy listens on loopback. upstream returns the server's base URL, which
// need not be known yet.
func startProxy(classify func(*http.Request) class, upstream func() string, t *tally, inFlight *atomic.Int64) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{
		classify: classify, tally: t, gaps: newGaps(), made: newMadeRooms(), inFlight: inFlight, decks: make(map[class]*deck[kind]),
		url: "http://" + listener.Addr().String(), served: make(chan struct{}),
	}
	silent := log.New(io.Discard, "", 0) // connections that break are what this is for
	p.reverse = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if target, err := url.Parse(upstream()); err == nil {
				r.SetURL(target)
			}
			r.Out.Header.Del("Accept-Encoding") // answers are looked at
		},
		Transport:      &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		ModifyResponse: p.answer,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { cut() },
		ErrorLog:       silent,
	}
	p.server = &http.Server{Handler: p, ErrorLog: silent, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(listener) // ends by close only
	}()
	return p, nil
}

func (p *proxy) close() error {
	err := p.server.Close()
	<-p.served
	return err
}

// cut closes the connection of the request that is being handled.
func cut() { panic(http.ErrAbortHandler) }

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{class: p.classify(r)}
	if e.class == matrixSync && p.resumes() {
		e.class = matrixResume
	}
	if e.class.changes() {
		p.inFlight.Add(1)
		defer p.inFlight.Add(-1)
		p.sending.Add(1)
		defer func() {
			p.sending.Add(-1)
			p.answered.Announce()
		}()
	}
	if p.isShut(e.class) {
		cut()
	}
	if e.class == other {
		p.reverse.ServeHTTP(w, r)
		return
	}
	r, release, err := detach(r, e)
	if err != nil {
		cut()
	}
	defer release()
	if e.trap = p.spring(e.class); e.trap != nil {
		if !e.trap.late {
			e.trap.kill()
		}
	} else if !p.meetFault(w, r, e) {
		return
	}
	if e.class == matrixPages && p.gaps.serve(w, r) {
		return
	}
	if e.class.syncs() {
		askForAll(r)
	}
	e.began = time.Now()
	p.reverse.ServeHTTP(w, r)
}

// meetFault lets the next fault of the request's class happen, if there is one
// now. It returns false if the request goes no further.
func (p *proxy) meetFault(w http.ResponseWriter, r *http.Request, e *exchange) bool {
	p.mu.Lock()
	dealt, hushed := p.decks[e.class], p.hushed
	p.mu.Unlock()
	if dealt == nil || hushed {
		return true
	}
	k, ok := dealt.draw()
	if !ok {
		return true
	}
	e.kind = &k
	if k.before == nil {
		return true
	}
	if k.fires == onRequest {
		p.tally.add(k.name)
	}
	return k.before(w, r)
}

// detach returns the request in a form that does not need the relay any more: its
// body is read, and the end of the relay's connection does not cancel it.
func detach(r *http.Request, e *exchange) (*http.Request, context.CancelFunc, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	e.body = body
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if e.class.changes() {
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), detached)
	}
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, e))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, cancel, nil
}

var errSwallowed = errors.New("the answer is lost on its way")

// answer sees a server's answer before the relay does. An error cuts the
// connection.
func (p *proxy) answer(resp *http.Response) error {
	e, ok := resp.Request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	p.noteTime(e)
	if e.class.syncs() {
		if err := p.gaps.limit(resp); err != nil {
			return err
		}
	}
	if e.class == matrixRooms {
		if err := p.made.note(e.body, resp); err != nil {
			return err
		}
	}
	switch {
	case e.trap != nil:
		if e.trap.late {
			e.trap.kill()
		}
		return errSwallowed
	case e.kind == nil || e.kind.after == nil:
		return nil
	}
	happened, err := e.kind.after(resp)
	if happened && e.kind.fires == onAnswer {
		p.tally.add(e.kind.name)
	}
	return err
}

// resumePause is how long no /sync was answered when the next one counts as one
// after a pause.
const resumePause = 200 * time.Millisecond

func (p *proxy) resumes() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.synced) >= resumePause
}

// noteTime remembers the longest time that the server itself took for a message.
func (p *proxy) noteTime(e *exchange) {
	if e.class.syncs() {
		p.mu.Lock()
		p.synced = time.Now()
		p.mu.Unlock()
	}
	if !e.class.delivers() || e.kind != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slowest = max(p.slowest, time.Since(e.began))
}

func (p *proxy) slowestSend() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slowest
}

func (p *proxy) isShut(c class) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away || p.noSends && c.changes()
}

// setAway cuts all connections from now on, or ends that.
func (p *proxy) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

// setNoSends cuts the connections that change something from now on, or ends that.
func (p *proxy) setNoSends(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noSends = cut
}

// hush has nothing happen to single requests from now on, or ends that.
func (p *proxy) hush(hushed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hushed = hushed
}

// setDeck decides what happens to the requests of a class from now on.
func (p *proxy) setDeck(c class, d *deck[kind]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decks[c] = d
}

// calm stops all faults.
func (p *proxy) calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, dealt := range p.decks {
		dealt.close()
	}
}

// trap kills the relay at its next request of a class.
type trap struct {
	class class
	late  bool   // when the server has answered; otherwise before it is asked
	kill  func() // returns when the relay is dead
}

// set waits for a request with a trap.
func (p *proxy) set(t *trap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traps = append(p.traps, t)
}

// remove takes a trap away.
func (p *proxy) remove(t *trap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traps = slices.DeleteFunc(p.traps, func(other *trap) bool { return other == t })
}

// spring returns the trap that a request of a class springs, nil if there is none.
func (p *proxy) spring(c class) *trap {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.traps, func(t *trap) bool { return t.class == c })
	if at < 0 {
		return nil
	}
	sprung := p.traps[at]
	p.traps = slices.Delete(p.traps, at, at+1)
	return sprung
}
