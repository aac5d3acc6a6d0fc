package wazotest

import "sync"

// drain counts the requests that are being served, until it is closed: then no
// further one may begin, and the last one can be waited for.
type drain struct {
	mu      sync.Mutex
	closed  bool
	serving sync.WaitGroup
}

// begin reports whether a request may be served. If so, end must be called
// after it.
func (d *drain) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.serving.Add(1)
	return true
}

// end notes that a request has been served.
func (d *drain) end() { d.serving.Done() }

// close lets no further request begin.
func (d *drain) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

// isClosed reports whether close has been called.
func (d *drain) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// wait returns when all requests have been served. Call close first.
func (d *drain) wait() { d.serving.Wait() }
