// Package bare is the least that carries messages between Matrix rooms and Wazo rooms:
// a mautrix client and a client for Wazo, with nothing between them. It keeps nothing,
// asks nothing, and what fails is lost. The relay is measured against it. It takes the
// same environment variables as the relay, and it is linked with a room by the same
// command, so that both can be measured by the same program.
package bare

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/wazoapi"
)

// syncFilter asks for as many events at once as the relay does.
const syncFilter = `{"room":{"timeline":{"limit":500}}}`

// linkCommand is what a person says in a room to link it.
const linkCommand = "!wazo link "

// client carries messages.
type client struct {
	matrix *mautrix.Client
	wazo   *wazoapi.Account

	mu       sync.Mutex
	toWazo   map[id.RoomID]*lane[string]
	toMatrix map[wazoapi.UUID]*lane[wazoapi.Message]
}

// Run carries messages until ctx ends. It answers 200 on ADMIN_LISTEN once it works.
func Run(ctx context.Context) error {
	matrix, err := mautrix.NewClient(os.Getenv("MATRIX_HOMESERVER_URL"), "", "")
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	matrix.Client = &http.Client{Transport: transport}
	api, err := wazoapi.New(wazoapi.Config{URL: os.Getenv("WAZO_URL")}, zerolog.Nop())
	if err != nil {
		return err
	}
	credentials := wazoapi.Credentials{Username: os.Getenv("WAZO_USERNAME"), Password: os.Getenv("WAZO_PASSWORD")}
	c := &client{
		matrix: matrix, wazo: api.Account(credentials, nil),
		toWazo: make(map[id.RoomID]*lane[string]), toMatrix: make(map[wazoapi.UUID]*lane[wazoapi.Message]),
	}
	syncer := mautrix.NewDefaultSyncer()
	syncer.OnEventType(event.StateMember, c.invited)
	syncer.OnEventType(event.EventMessage, c.said)
	matrix.Syncer = syncer
	if err = c.logIn(ctx); err != nil {
		return err
	}
	go func() { _ = c.wazo.Listen(ctx, c) }()
	go func() {
		_ = http.ListenAndServe(os.Getenv("ADMIN_LISTEN"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}() //nolint:gosec // for one run, on loopback
	return c.sync(ctx)
}

// logIn logs in. With BARE_CRYPTO=on, the client can encrypt.
func (c *client) logIn(ctx context.Context) error {
	password := os.Getenv("MATRIX_PASSWORD")
	request := &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Password: password, StoreCredentials: true,
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: os.Getenv("MATRIX_USER_ID")},
	}
	if os.Getenv("BARE_CRYPTO") != "on" {
		_, err := c.matrix.Login(ctx, request)
		return err
	}
	helper, err := cryptohelper.NewCryptoHelper(c.matrix, []byte(password), filepath.Join(os.Getenv("HOME"), "keys.db"))
	if err != nil {
		return err
	}
	helper.LoginAs = request
	if err = helper.Init(ctx); err != nil {
		return err
	}
	c.matrix.Crypto = helper
	return nil
}

func (c *client) sync(ctx context.Context) error {
	since := ""
	for ctx.Err() == nil {
		answer, err := c.matrix.FullSyncRequest(ctx, mautrix.ReqSync{Timeout: 30000, Since: since, FilterID: syncFilter})
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err = c.matrix.Syncer.ProcessResponse(ctx, answer, since); err != nil {
			return err
		}
		since = answer.NextBatch
	}
	return nil
}

func (c *client) invited(ctx context.Context, evt *event.Event) {
	if evt.GetStateKey() != c.matrix.UserID.String() || evt.Content.AsMember().Membership != event.MembershipInvite {
		return
	}
	if _, err := c.matrix.JoinRoomByID(ctx, evt.RoomID); err == nil {
		c.say(ctx, evt.RoomID, event.MsgNotice, "Hello! Type "+linkCommand+"<uuid>.")
	}
}

func (c *client) say(ctx context.Context, room id.RoomID, kind event.MessageType, text string) {
	_, err := c.matrix.SendMessageEvent(ctx, room, event.EventMessage, &event.MessageEventContent{MsgType: kind, Body: text})
	if err != nil {
		fmt.Fprintln(os.Stderr, "lost on Matrix:", err)
	}
}

func (c *client) said(ctx context.Context, evt *event.Event) {
	if evt.Sender == c.matrix.UserID {
		return
	}
	text := evt.Content.AsMessage().Body
	if wazoRoom, ok := strings.CutPrefix(text, linkCommand); ok {
		c.link(ctx, evt.RoomID, wazoapi.UUID(wazoRoom))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if lane := c.toWazo[evt.RoomID]; lane != nil {
		lane.add(string(evt.Sender) + ": " + text)
	}
}

func (c *client) link(ctx context.Context, room id.RoomID, wazoRoom wazoapi.UUID) {
	c.mu.Lock()
	c.toWazo[room] = startLane(func(text string) {
		if _, err := c.wazo.PostMessage(ctx, wazoRoom, wazoapi.Draft{Content: text}); err != nil {
			fmt.Fprintln(os.Stderr, "lost on Wazo:", err)
		}
	})
	c.toMatrix[wazoRoom] = startLane(func(m wazoapi.Message) { c.say(ctx, room, event.MsgText, m.Content) })
	c.mu.Unlock()
	c.toWazo[room].add("Matrix is here.")
	c.say(ctx, room, event.MsgNotice, "Linked.")
}

// Connected implements wazoapi.Handler.
func (c *client) Connected(context.Context) {}

// Disconnected implements wazoapi.Handler.
func (c *client) Disconnected(_ context.Context, err error) {
	fmt.Fprintln(os.Stderr, "lost the connection to Wazo:", err)
}

// RoomCreated implements wazoapi.Handler.
func (c *client) RoomCreated(context.Context, wazoapi.Room) error { return nil }

// MessageCreated implements wazoapi.Handler.
func (c *client) MessageCreated(ctx context.Context, m wazoapi.Message) error {
	token, err := c.wazo.Token(ctx)
	if err != nil || m.UserUUID == token.UserUUID {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if lane := c.toMatrix[m.Room]; lane != nil {
		lane.add(m)
	}
	return nil
}

// lane carries the messages of one room in one direction, one after the other.
type lane[T any] struct {
	mu      sync.Mutex
	waiting []T
	filled  chan struct{}
}

func startLane[T any](carry func(T)) *lane[T] {
	l := &lane[T]{filled: make(chan struct{}, 1)}
	go func() {
		for range l.filled {
			for _, item := range l.take() {
				carry(item)
			}
		}
	}()
	return l
}

func (l *lane[T]) add(item T) {
	l.mu.Lock()
	l.waiting = append(l.waiting, item)
	l.mu.Unlock()
	select {
	case l.filled <- struct{}{}:
	default:
	}
}

func (l *lane[T]) take() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.waiting
	l.waiting = nil
	return taken
}
