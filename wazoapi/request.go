package wazoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// service is the path of a Wazo service behind nginx
// (docs/wazo.md, "Service addresses").
type service string

const (
	serviceAuth  service = "/api/auth/0.1"
	serviceChatd service = "/api/chatd/1.0"
	serviceDird  service = "/api/dird/0.1"

	serviceWebhookd service = "/api/webhookd/1.0"
	// The slash at the end is needed: without it nginx redirects.
	serviceWebsocketd service = "/api/websocketd/"
)

// What is read of an answer, in bytes. A page of messages can be large: one
// message may have almost 1 MiB
// (docs/wazo.md, "Redirects and limits of nginx").
const (
	maxAnswer      = 64 << 20
	maxErrorAnswer = 64 << 10
)

// request is one call of a Wazo service.
type request struct {
	method  string
	service service
	path    string     // below the service; "{token}" stands for subject, "{emoji}" for emoji
	subject string     // a token that is part of the path
	emoji   string     // kept out of errors, like the texts of messages
	plugin  bool       // it is the plugin's route (docs/wazo.md, "The plugin for reactions and replies")
	query   url.Values // encoded by url.Values: "+" becomes %2B (docs/wazo.md, "Read history")
	body    any        // sent as JSON if not nil
	timeout time.Duration

	login   *Credentials // sent as Basic authorization if not nil
	token   string       // sent as X-Auth-Token if not empty
	refresh string       // a refresh token that is part of the body
	hook    string       // an address with a secret that is part of the body
}

// redactedPath is the path without a token.
func (r request) redactedPath() string { return string(r.service) + r.path }

func (r request) op() string { return r.method + " " + r.redactedPath() }

func (r request) secrets() secrets {
	hide := secrets{r.token, r.subject, r.refresh, r.hook}
	if r.login != nil {
		hide = append(hide, r.login.Password, r.login.Username+":"+r.login.Password)
	}
	return hide
}

func (r request) url(base *url.URL) string {
	path := strings.NewReplacer("{token}", url.PathEscape(r.subject), "{emoji}", url.PathEscape(r.emoji)).Replace(r.path)
	target := base.String() + string(r.service) + path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	return target
}

// fetch makes the request and decodes the JSON of its answer into out; nil
// means that the body doesn't matter. It returns an *Error for every status
// that isn't 2xx and a *TransportError if there is no usable answer, also for
// a success that cannot be read: then the server did what was asked, but what
// came of it is unknown.
func (c *Client) fetch(ctx context.Context, r request, out any) error {
	body, err := c.roundTrip(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err = json.Unmarshal(body, out); err != nil {
		return &TransportError{Op: r.op(), Sent: true, Err: fmt.Errorf("unreadable answer: %w", r.secrets().redactError(err))}
	}
	return nil
}

func (c *Client) roundTrip(ctx context.Context, r request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	var connected atomic.Bool
	httpReq, err := c.newHTTPRequest(traceConnection(ctx, &connected), r)
	if err != nil {
		return nil, &TransportError{Op: r.op(), Err: r.secrets().redactError(err)}
	}
	resp, err := c.http.Do(httpReq)
	if err != nil {
		return nil, r.transportError(err, connected.Load())
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// What the status says stays true, even if the body breaks off.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorAnswer))
		return nil, newError(r, resp.StatusCode, resp.Header, body)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxAnswer+1))
	if err != nil {
		return nil, r.transportError(err, true)
	}
	if int64(len(body)) > c.maxAnswer {
		return nil, r.transportError(ErrTooLarge, true)
	}
	return body, nil
}

// traceConnection sets connected as soon as the request has a connection,
// which is after name resolution, dialling and the TLS handshake. Before that
// no byte of the request can have been written.
func traceConnection(ctx context.Context, connected *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
}

func (c *Client) newHTTPRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		encoded, err := encodeJSON(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	httpReq, err := http.NewRequestWithContext(ctx, r.method, r.url(c.base), body)
	if err != nil {
		return nil, withoutURL(err)
	}
	httpReq.Header.Set("User-Agent", c.cfg.UserAgent)
	httpReq.Header.Set("Accept", "application/json")
	if r.body != nil {
		httpReq.Header.Set("Content-Type", "application/json")
	}
	if r.login != nil {
		httpReq.SetBasicAuth(r.login.Username, r.login.Password)
	}
	if r.token != "" {
		httpReq.Header.Set("X-Auth-Token", r.token)
	}
	return httpReq, nil
}

// encodeJSON does not escape <, > and &: they would only make messages longer,
// and their size is limited (docs/wazo.md, "Redirects and limits of nginx").
func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("failed to encode the request: %w", err)
	}
	return buf.Bytes(), nil
}

func (r request) transportError(err error, sent bool) error {
	return &TransportError{Op: r.op(), Sent: sent, Err: r.secrets().redactError(withoutURL(err))}
}

// withoutURL takes off net/http's wrapper, which repeats the whole URL.
func withoutURL(err error) error {
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		return wrapper.Err
	}
	return err
}
