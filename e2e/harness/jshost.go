package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// JSHost is a Node.js process in which matrix-js-sdk people live, as many as one
// likes. What is said between it and this process is in jssdk/host.mjs.
type JSHost struct {
	proc    *process
	stdin   *os.File
	ready   chan struct{} // closed when it takes requests
	readEnd chan struct{} // closed when it says no more, or nothing that can be read
	readErr error         // why, if that is the process's fault; valid after readEnd is closed

	writing sync.Mutex // a request is written in one piece

	mu      sync.Mutex
	lastID  int64
	waiting map[int64]chan<- jsMessage
	clients map[string]jsListener
}

// jsListener gets what a client sees. It must not call the host.
type jsListener interface {
	onSync(*jsSync)
	onDecrypted(*event.Event)
}

type jsRequest struct {
	ID     int64  `json:"id"`
	Client string `json:"client"`
	Method string `json:"method"`
	Params any    `json:"params"`
}

// jsMessage is a line that the host says: an answer if it has an id.
type jsMessage struct {
	ID     int64           `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
	Code   string          `json:"code"` // Matrix's, if the homeserver gave one

	Ready     bool         `json:"ready"`
	Client    string       `json:"client"`
	Sync      *jsSync      `json:"sync"`
	Decrypted *event.Event `json:"decrypted"`
}

// jsSync is an answer of /sync after the SDK has processed it.
type jsSync struct {
	Answer    *mautrix.RespSync `json:"answer"`
	Decrypted []id.EventID      `json:"decrypted"` // are in clear in Answer
}

// StartJSHost installs matrix-js-sdk and Node.js if needed, starts the process
// and returns when it takes requests. Its log goes into dir.
func StartJSHost(ctx context.Context, dir string) (*JSHost, error) {
	installed, err := installJS(ctx)
	if err != nil {
		return nil, err
	}
	return startJSHost(ctx, command{
		name: "js host", path: installed.node, args: []string{"host.mjs"}, dir: installed.dir, log: filepath.Join(dir, "jshost.log"),
	})
}

// startJSHost starts a process that speaks as a host does.
func startJSHost(ctx context.Context, c command) (*JSHost, error) {
	stdinEnd, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = stdinEnd.Close() }()
	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close())
	}
	defer func() { _ = stdoutEnd.Close() }()
	c.stdin, c.stdout = stdinEnd, stdoutEnd
	proc, err := startProcess(c)
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), stdout.Close())
	}
	h := &JSHost{
		proc: proc, stdin: stdin, ready: make(chan struct{}), readEnd: make(chan struct{}),
		waiting: make(map[int64]chan<- jsMessage), clients: make(map[string]jsListener),
	}
	go h.read(stdout)
	return h, h.waitReady(ctx)
}

func (h *JSHost) waitReady(ctx context.Context) error {
	select {
	case <-h.ready:
		return nil
	case <-h.readEnd:
		err := h.ended(ctx)
		h.proc.kill()
		return errors.Join(err, h.stdin.Close())
	case <-ctx.Done():
		h.proc.kill()
		return errors.Join(h.proc.failure("did not become ready", ctx.Err()), h.stdin.Close())
	}
}

// Stop ends the process and all its people.
func (h *JSHost) Stop() error {
	if err := h.stdin.Close(); err != nil {
		return err
	}
	err := h.proc.waitEnd()
	<-h.readEnd
	return err
}

// ended is why there are no more answers. Call it when reading has ended.
func (h *JSHost) ended(ctx context.Context) error {
	select {
	case <-h.proc.done:
		return h.proc.failure("has ended", errors.Join(h.readErr, h.proc.err))
	case <-ctx.Done():
		return h.proc.failure("says no more, but has not ended", context.Cause(ctx))
	}
}

func (h *JSHost) read(stdout *os.File) {
	defer close(h.readEnd)
	defer func() { _ = stdout.Close() }()
	lines := json.NewDecoder(stdout)
	for {
		var message jsMessage
		err := lines.Decode(&message)
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			h.readErr = fmt.Errorf("failed to read what it says: %w", err)
			h.proc.kill() // it would wait for ever for somebody to read on
			return
		}
		h.dispatch(message)
	}
}

func (h *JSHost) dispatch(message jsMessage) {
	if message.Ready {
		close(h.ready)
		return
	}
	h.mu.Lock()
	waiting, listener := h.waiting[message.ID], h.clients[message.Client]
	delete(h.waiting, message.ID)
	h.mu.Unlock()
	switch {
	case waiting != nil:
		waiting <- message
	case listener == nil: // it was closed in the meantime
	case message.Sync != nil:
		listener.onSync(message.Sync)
	case message.Decrypted != nil:
		listener.onDecrypted(message.Decrypted)
	}
}

// add has a client's listener get what the client sees.
func (h *JSHost) add(name string, listener jsListener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients[name] = listener
}

func (h *JSHost) remove(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, name)
}

// call has a client do something and reads what came of it into result, which
// may be nil.
func (h *JSHost) call(ctx context.Context, client, method string, params, result any) error {
	answered := make(chan jsMessage, 1)
	h.mu.Lock()
	h.lastID++
	request := jsRequest{ID: h.lastID, Client: client, Method: method, Params: params}
	h.waiting[request.ID] = answered
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting, request.ID)
	}()
	if err := h.write(request); err != nil {
		return errors.Join(err, h.whyClosed(ctx))
	}
	select {
	case answer := <-answered:
		return answer.into(method, result)
	case <-h.readEnd:
		return h.ended(ctx)
	case <-ctx.Done():
		return fmt.Errorf("matrix-js-sdk: %s: %w", method, context.Cause(ctx))
	}
}

// whyClosed is why a request could not be written: a host that takes no more requests has ended, or is about to.
func (h *JSHost) whyClosed(ctx context.Context) error {
	select {
	case <-h.readEnd:
		return h.ended(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *JSHost) write(request jsRequest) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	h.writing.Lock()
	defer h.writing.Unlock()
	_, err = h.stdin.Write(append(line, '\n'))
	return err
}

func (m jsMessage) into(method string, result any) error {
	if m.Error != "" {
		return fmt.Errorf("matrix-js-sdk: %s: %s %s", method, m.Code, m.Error)
	} else if result == nil {
		return nil
	}
	return json.Unmarshal(m.Result, result)
}
