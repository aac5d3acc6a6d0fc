package wazoapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frameOf returns a short frame of a server. The first byte says what kind it is, and (0x80) that no more of its
// message follows (RFC 6455, section 5.2).
func frameOf(first byte, payload string) string {
	return string([]byte{first, byte(len(payload))}) + payload
}

// closeFrame returns a close frame.
func closeFrame(code uint16, reason string) string {
	return frameOf(0x88, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// frameHead returns the first bytes of a frame whose payload is longer than 64 KiB.
func frameHead(first byte, length uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte{first, 127}, length))
}

// memoryConn is a connection on which a server has said something and has hung up.
type memoryConn struct {
	io.Reader
	written bytes.Buffer
}

func (c *memoryConn) Write(p []byte) (int, error) { return c.written.Write(p) }
func (c *memoryConn) Close() error                { return nil }

// answers returns the control frames that the client has written.
func (c *memoryConn) answers(t *testing.T) (answers []string) {
	for c.written.Len() > 0 {
		h, err := ws.ReadHeader(&c.written)
		require.NoError(t, err)
		assert.True(t, h.Masked, "a client masks what it sends")
		payload := c.written.Next(int(h.Length))
		ws.Cipher(payload, h.Mask, 0)
		switch h.OpCode {
		case ws.OpPong:
			answers = append(answers, "pong "+string(payload))
		case ws.OpClose:
			code, _ := ws.ParseCloseFrameData(payload)
			answers = append(answers, fmt.Sprint("close ", code))
		default:
			t.Errorf("unexpected frame: %+v", h)
		}
	}
	return answers
}

func newMemoryConn(said string) (*memoryConn, *websocketConn) {
	conn := &memoryConn{Reader: strings.NewReader(said)}
	return conn, &websocketConn{conn: conn, input: bufio.NewReaderSize(conn, inputBuffer)}
}

// readMessages reads messages until an error.
func readMessages(ctx context.Context, c *websocketConn) (messages []string, err error) {
	for {
		if err = c.await(); err != nil {
			return messages, err
		}
		data, err := c.read(ctx)
		if err != nil {
			return messages, err
		} else if data != nil {
			messages = append(messages, string(data))
		}
	}
}

func TestWebsocketFrames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1<<16)
	for _, tt := range []struct {
		name        string
		said        string
		want        []string
		wantErr     error
		wantAnswers []string
	}{
		{name: "messages", said: frameOf(0x81, "one") + frameOf(0x82, "two"), want: []string{"one", "two"}, wantErr: io.EOF},
		{name: "an empty message", said: frameOf(0x81, ""), want: []string{""}, wantErr: io.EOF},
		{name: "a long message", said: frameHead(0x81, uint64(len(long))) + long, want: []string{long}, wantErr: io.EOF},
		{name: "a message in pieces", said: frameOf(0x01, "one ") + frameOf(0x00, "") + frameOf(0x00, "two ") + frameOf(0x80, "three"), want: []string{"one two three"}, wantErr: io.EOF},
		{name: "pings", said: frameOf(0x89, "") + frameOf(0x89, "x") + frameOf(0x81, "one"), want: []string{"one"}, wantErr: io.EOF, wantAnswers: []string{"pong ", "pong x"}},
		{
			name: "a ping within a message", said: frameOf(0x01, "one ") + frameOf(0x89, "x") + frameOf(0x80, "two"),
			want: []string{"one two"}, wantErr: io.EOF, wantAnswers: []string{"pong x"},
		},
		{name: "a pong that nobody asked for", said: frameOf(0x8a, "x") + frameOf(0x81, "one"), want: []string{"one"}, wantErr: io.EOF},
		{name: "a close frame", said: frameOf(0x81, "one") + closeFrame(4003, "expired"), want: []string{"one"}, wantErr: &CloseError{4003, "expired"}, wantAnswers: []string{"close 4003"}},
		{name: "a close frame without a reason", said: closeFrame(1011, ""), wantErr: &CloseError{Code: 1011}, wantAnswers: []string{"close 1011"}},
		{name: "a close frame with a code that is newer than the protocol", said: closeFrame(1012, "service restart"), wantErr: &CloseError{1012, "service restart"}, wantAnswers: []string{"close 1012"}},
		{name: "a close frame without a code", said: frameOf(0x88, ""), wantErr: &CloseError{Code: 1005}, wantAnswers: []string{"close 0"}},
		{name: "a close frame within a message", said: frameOf(0x01, "one ") + closeFrame(1001, ""), wantErr: &CloseError{Code: 1001}, wantAnswers: []string{"close 1001"}},
		{name: "a close frame with half a code", said: frameOf(0x88, "x"), wantErr: errShortClose, wantAnswers: []string{"close 1002"}},
		{name: "a masked frame", said: "\x81\x81\x00\x00\x00\x00x", wantErr: ws.ErrProtocolMaskUnexpected, wantAnswers: []string{"close 1002"}},
		{name: "an unknown kind of frame", said: frameOf(0x83, ""), wantErr: ws.ErrProtocolOpCodeReserved, wantAnswers: []string{"close 1002"}},
		{name: "an extension", said: frameOf(0xc1, "x"), wantErr: ws.ErrProtocolNonZeroRsv, wantAnswers: []string{"close 1002"}},
		{name: "a piece of nothing", said: frameOf(0x80, "x"), wantErr: ws.ErrProtocolContinuationUnexpected, wantAnswers: []string{"close 1002"}},
		{name: "a message within another", said: frameOf(0x01, "x") + frameOf(0x81, "y"), wantErr: ws.ErrProtocolContinuationExpected, wantAnswers: []string{"close 1002"}},
		{name: "a ping in pieces", said: frameOf(0x09, "x"), wantErr: ws.ErrProtocolControlNotFinal, wantAnswers: []string{"close 1002"}},
		{name: "a message that is too long", said: frameHead(0x81, maxFrame+1), wantErr: wsutil.ErrMessageTooLarge, wantAnswers: []string{"close 1009"}},
		{name: "pieces that are too long", said: frameOf(0x01, "x") + frameHead(0x80, maxFrame), wantErr: wsutil.ErrMessageTooLarge, wantAnswers: []string{"close 1009"}},
		{name: "half a frame", said: frameOf(0x81, "one")[:3], wantErr: io.ErrUnexpectedEOF},
		{name: "half a message", said: frameOf(0x01, "one"), wantErr: io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn, c := newMemoryConn(tt.said)
			got, err := readMessages(t.Context(), c)
			assert.Equal(t, tt.want, got)
			if want, isClose := tt.wantErr.(*CloseError); isClose { //nolint:errorlint // of this table
				assert.Equal(t, want, err)
			} else {
				require.ErrorIs(t, err, tt.wantErr)
			}
			assert.Equal(t, tt.wantAnswers, conn.answers(t))
		})
	}
}

func TestALongestMessageIsRead(t *testing.T) {
	t.Parallel()
	_, c := newMemoryConn(frameHead(0x81, maxFrame) + strings.Repeat("x", maxFrame))
	got, err := readMessages(t.Context(), c)
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, got, 1)
	assert.Len(t, got[0], maxFrame)
}

func FuzzWebsocket(f *testing.F) {
	f.Add([]byte(frameOf(0x01, "one ") + frameOf(0x89, "x") + frameOf(0x80, "two") + closeFrame(1001, "")))
	f.Add([]byte(frameHead(0x81, maxFrame+1)))
	f.Add([]byte("\x81\x81\x00\x00\x00\x00x"))
	f.Fuzz(func(t *testing.T, said []byte) {
		conn, c := newMemoryConn(string(said))
		messages, err := readMessages(t.Context(), c)
		require.Error(t, err)
		assert.LessOrEqual(t, len(strings.Join(messages, "")), len(said))
		conn.answers(t)
	})
}

func TestAWriteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	conn, silent := net.Pipe() // nobody reads
	defer silent.Close()
	c := &websocketConn{conn: conn, input: bufio.NewReaderSize(conn, inputBuffer)}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.writeText(ctx, []byte("x")), context.DeadlineExceeded)
	require.ErrorIs(t, c.await(), io.ErrClosedPipe, "half a frame makes the connection useless")
}

func TestWebsocketOverTLS(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1<<16)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(int64(len(long)))
		_, data, err := conn.Read(t.Context())
		assert.NoError(t, err)
		assert.NoError(t, conn.Write(t.Context(), websocket.MessageText, data))
		conn.CloseRead(t.Context())
		assert.NoError(t, conn.Ping(t.Context()))
		assert.NoError(t, conn.Close(4003, "expired"))
	}))
	defer srv.Close()
	c, _, err := dialWebsocket(t.Context(), srv.Client(), srv.URL, http.Header{})
	require.NoError(t, err)
	defer c.close()
	require.NoError(t, c.writeText(t.Context(), []byte(long)))
	got, err := readMessages(t.Context(), c)
	assert.Equal(t, &CloseError{4003, "expired"}, err)
	assert.Equal(t, []string{long}, got)
}

func TestWebsocketHandshake(t *testing.T) {
	t.Parallel()
	const key, proof = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // of RFC 6455, section 1.3
	for _, tt := range []struct {
		name    string
		change  func(resp *http.Response)
		wantErr string
	}{
		{name: "accepted", change: func(*http.Response) {}},
		{name: "in other letters", change: func(r *http.Response) {
			r.Header.Set("Connection", "keep-alive, upgrade")
			r.Header.Set("Upgrade", "WebSocket")
		}},
		{name: "another answer", change: func(r *http.Response) { r.StatusCode = 200 }, wantErr: "status 200"},
		{name: "no upgrade", change: func(r *http.Response) { r.Header.Del("Connection") }, wantErr: "another protocol"},
		{name: "another protocol", change: func(r *http.Response) { r.Header.Set("Upgrade", "h2c") }, wantErr: "another protocol"},
		{name: "the answer to another request", change: func(r *http.Response) { r.Header.Set("Sec-WebSocket-Accept", "x") }, wantErr: "wrong key"},
		{name: "an extension", change: func(r *http.Response) { r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate") }, wantErr: "not asked for"},
		{name: "a subprotocol", change: func(r *http.Response) { r.Header.Set("Sec-WebSocket-Protocol", "chat") }, wantErr: "not asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp := &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}}
			resp.Header.Set("Connection", "Upgrade")
			resp.Header.Set("Upgrade", "websocket")
			resp.Header.Set("Sec-WebSocket-Accept", proof)
			tt.change(resp)
			if err := checkHandshake(resp, key); tt.wantErr == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.wantErr)
			}
		})
	}
	assert.NotEqual(t, newHandshakeKey(), newHandshakeKey())
}
