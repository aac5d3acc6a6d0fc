package wazoapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

const (
	// maxFrame is the longest message that is read, in bytes: a message of almost
	// 1 MiB (docs/wazo.md, "Redirects and limits of nginx") may become three times
	// as long as escaped JSON.
	maxFrame = 8 << 20
	// inputBuffer is how many bytes a connection keeps for reading: the
	// acknowledgements of wazo-websocketd fit in. What is longer is read around it.
	inputBuffer = 128
	// controlTimeout limits the writing of an answer to a control frame.
	controlTimeout = 5 * time.Second
)

const errShortClose = ws.ProtocolError("a close frame has half a code")

// websocketConn is the client's side of a websocket (RFC 6455). There may be a
// thousand of them that wait for something to happen, so it keeps next to no
// buffers, and waiting for a frame is a method of its own that needs little stack.
// Reading is for one goroutine at a time; writing is safe for concurrent use.
type websocketConn struct {
	conn    io.ReadWriteCloser
	input   *bufio.Reader
	writing sync.Mutex // held while a frame is written
}

// await waits until there is something to read, or the connection is lost.
func (c *websocketConn) await() error {
	_, err := c.input.Peek(1)
	return err
}

// read reads the next frame, and what belongs to it if it begins a message. It
// answers control frames. data is nil if the frame was no message. The error is a
// *CloseError if the server has sent a close frame. After an error nothing can be
// read any more.
func (c *websocketConn) read(ctx context.Context) (data []byte, err error) {
	control := func(h ws.Header, payload io.Reader) error { return c.answer(ctx, h, payload) }
	r := wsutil.Reader{Source: c.input, State: ws.StateClientSide, MaxMessageSize: maxFrame, OnIntermediate: control}
	h, err := r.NextFrame()
	switch {
	case err != nil:
	case h.OpCode.IsControl():
		err = control(h, &r)
	default:
		data, err = io.ReadAll(&r)
	}
	if err != nil {
		c.complain(ctx, err)
		return nil, err
	}
	return data, nil
}

// answer answers a control frame. The error is a *CloseError after a close frame.
func (c *websocketConn) answer(ctx context.Context, h ws.Header, payload io.Reader) error {
	data, err := io.ReadAll(payload)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	switch h.OpCode {
	case ws.OpPing:
		return c.write(ctx, ws.NewPongFrame(data))
	case ws.OpClose:
		code, reason := ws.StatusNoStatusRcvd, ""
		if len(data) == 1 {
			return errShortClose
		} else if len(data) > 0 {
			code, reason = ws.ParseCloseFrameData(data)
		}
		// An echo of the code ends the connection in good order. The server has said
		// all that counts, so an error means nothing.
		_ = c.write(ctx, ws.NewCloseFrame(data[:min(len(data), 2)]))
		return &CloseError{Code: int(code), Reason: reason}
	}
	return nil // a pong, for which nobody waits
}

// complain tells the server that it has broken the protocol, if err says so.
func (c *websocketConn) complain(ctx context.Context, err error) {
	code := ws.StatusProtocolError
	if errors.Is(err, wsutil.ErrMessageTooLarge) {
		code = ws.StatusMessageTooBig
	} else if _, ok := errors.AsType[ws.ProtocolError](err); !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	_ = c.write(ctx, ws.NewCloseFrame(ws.NewCloseFrameBody(code, err.Error()))) // the connection ends in any case
}

// writeText sends a text message. If ctx ends before it is sent, the connection is
// closed, because half a frame makes it useless.
func (c *websocketConn) writeText(ctx context.Context, data []byte) error {
	return c.write(ctx, ws.NewTextFrame(data))
}

func (c *websocketConn) write(ctx context.Context, frame ws.Frame) error {
	var encoded bytes.Buffer
	if err := ws.WriteFrame(&encoded, ws.MaskFrame(frame)); err != nil {
		return err
	}
	c.writing.Lock() // whoever holds it writes for a limited time
	defer c.writing.Unlock()
	defer context.AfterFunc(ctx, c.close)()
	_, err := c.conn.Write(encoded.Bytes())
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// close closes the connection at once, whoever reads or writes.
func (c *websocketConn) close() { _ = c.conn.Close() }

// dialWebsocket opens a websocket. If the server answers anything else, it returns
// the answer with an error; its body is closed.
func dialWebsocket(ctx context.Context, client *http.Client, url string, header http.Header) (*websocketConn, *http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	key := newHandshakeKey()
	req.Header = header.Clone()
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", key)
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	conn, isWritable := resp.Body.(io.ReadWriteCloser)
	if err = checkHandshake(resp, key); err == nil && !isWritable {
		err = errors.New("the upgraded connection cannot be written to")
	}
	if err != nil {
		if !isWritable {
			_, _ = io.CopyN(io.Discard, resp.Body, 1024) // so that the connection can be used again
		}
		resp.Body.Close()
		return nil, resp, fmt.Errorf("failed to open a websocket: %w", err)
	}
	return &websocketConn{conn: conn, input: bufio.NewReaderSize(conn, inputBuffer)}, resp, nil
}
