package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"wazo-matrix-relay/e2e/conversation"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/markup"
	"wazo-matrix-relay/e2e/stage"
	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const (
	roomName  = "Support"
	robinName = "Robin Lee"
)

// bubble is a message as one side shows it.
type bubble struct {
	who    string // the author
	own    bool   // the person who looks at this side wrote it
	notice bool   // an automatic message
	blocks []markup.Block
}

// exchange is a message on both sides. A side on which it does not appear is nil.
type exchange struct {
	matrix, wazo *bubble
	toWazo       bool // it was written on Matrix
}

// player plays the conversation. Robin looks at the Matrix side, and Alice at
// Wazo's.
type player struct {
	*conversation.Conversation
	names      map[id.UserID]string // of the members of the Matrix room
	deliveries []conversation.Delivery
}

// scene is what the people say.
type scene func(*player, context.Context) error

// play links the rooms, lets people talk, and returns what both sides show.
func play(ctx context.Context, stage *stage.Stage, scene scene) (exchanges []exchange, err error) {
	robin := stage.Robin
	if err = robin.Matrix().SetDisplayName(ctx, robinName); err != nil {
		return nil, fmt.Errorf("failed to name Robin: %w", err)
	}
	p := &player{}
	p.Conversation, err = conversation.Open(ctx, stage, harness.RoomOptions{Name: roomName, Encrypted: true}, func(d conversation.Delivery) {
		p.deliveries = append(p.deliveries, d)
	})
	if err != nil {
		return nil, err
	}
	if err = p.readNames(ctx); err != nil {
		return nil, err
	}
	if exchanges, err = p.beginning(); err != nil {
		return nil, err
	}
	if err = scene(p, ctx); err != nil {
		return nil, err
	}
	shown := &timeline{player: p, bubbles: make(map[id.EventID]*bubble)}
	for _, d := range p.deliveries {
		exchanges = append(exchanges, exchange{matrix: shown.add(d.Matrix.Event), wazo: p.onWazo(d.Wazo), toWazo: d.ToWazo})
	}
	return exchanges, nil
}

func (p *player) talk(ctx context.Context) error {
	robin, cast, room := p.Stage.Robin, p.Stage.Cast, p.Portal.Matrix
	var question id.EventID // what Robin answers
	for _, step := range []func() error{
		func() error {
			return p.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
				return robin.SendMarkdown(ctx, room, "Hello! **All** phones in room _B12_ are silent.")
			})
		},
		func() error { return p.OnWazo(ctx, cast.Alice, "Good morning Robin, we are on it.") },
		func() error {
			return p.OnWazo(ctx, cast.Bob, "`trunk-2` is **down**. What do you see? 🙂")
		},
		func() error {
			question = p.deliveries[len(p.deliveries)-1].Matrix.ID
			return p.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
				return robin.SendContent(ctx, room, event.EventMessage, &event.MessageEventContent{
					MsgType: event.MsgText, Body: "“No service”, since nine.", RelatesTo: (&event.RelatesTo{}).SetReplyTo(question),
				})
			})
		},
		func() error {
			return p.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
				return robin.SendFile(ctx, room, harness.File{
					Name: "display.jpg", MimeType: "image/jpeg", MsgType: event.MsgImage, Data: bytes.Repeat([]byte{0xff}, 48_000),
				})
			})
		},
		func() error {
			return p.OnWazo(ctx, cast.Chloe, "Ça devrait marcher maintenant:\n- `trunk-2` is up\n- the phones register again")
		},
		func() error {
			return p.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
				return robin.Send(ctx, room, "They ring. Thank you all!")
			})
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// readNames reads the names of the room's members, which clients show.
func (p *player) readNames(ctx context.Context) error {
	p.names = make(map[id.UserID]string)
	members, err := p.Stage.Robin.Matrix().JoinedMembers(ctx, p.Portal.Matrix)
	if err != nil {
		return fmt.Errorf("failed to read the members of the room: %w", err)
	}
	for user, member := range members.Joined {
		p.names[user] = member.DisplayName
	}
	return nil
}

// beginning is how the rooms were linked: Robin's command, the bot's answer, and
// what the relay said on Wazo.
func (p *player) beginning() ([]exchange, error) {
	command := p.find(harness.All(harness.From(p.Stage.Robin.UserID()), harness.Says(conversation.CommandPrefix)))
	answer := p.find(harness.All(harness.From(p.Stage.BotID()), harness.Notice("Linked")))
	introductions := p.Stage.Wazo.Messages(p.Portal.Wazo)
	if command == nil || answer == nil || len(introductions) == 0 {
		return nil, errors.New("the rooms are linked, but do not say so")
	}
	return []exchange{
		{matrix: p.onMatrix(command), toWazo: true},
		{matrix: p.onMatrix(answer), wazo: p.onWazo(introductions[0]), toWazo: true},
	}, nil
}

// find returns the first event of the room, as Robin's client has it, that matches,
// or nil.
func (p *player) find(match harness.Match) *event.Event {
	for _, entry := range p.Stage.Robin.Timeline(p.Portal.Matrix) {
		if match(entry.Event) {
			return entry.Event
		}
	}
	return nil
}

// onMatrix is an event as Robin's client shows it. The client knows per-message
// profiles.
func (p *player) onMatrix(evt *event.Event) *bubble {
	who, content := conversation.OnMatrixClient(evt)
	if who == "" {
		who = p.names[evt.Sender]
	}
	b := &bubble{who: who, own: evt.Sender == p.Stage.Robin.UserID(), notice: content.MsgType == event.MsgNotice}
	if replied := p.find(harness.HasID(content.RelatesTo.GetReplyTo())); replied != nil {
		b.blocks = append(b.blocks, quoteOf(p.onMatrix(replied)))
	}
	if content.Info != nil {
		size := fmt.Sprintf("  %d kB", content.Info.Size/1000)
		b.blocks = append(b.blocks, markup.Block{Kind: markup.File, Spans: []markup.Span{{Text: content.Body, Style: markup.Bold}, {Text: size, Style: markup.Muted}}})
		return b
	}
	b.blocks = append(b.blocks, markup.Content(&content)...)
	return b
}

// quoteOf is what stands above a reply: the message that it answers.
func quoteOf(original *bubble) markup.Block {
	b := markup.Block{Kind: markup.Quote, Spans: []markup.Span{{Text: original.who, Style: markup.Bold}}}
	for _, said := range original.blocks {
		b.Spans = append(append(b.Spans, markup.Span{Text: "\n"}), said.Spans...)
	}
	return b
}

// onWazo is a message as Alice's client shows it. The client knows Markdown.
func (p *player) onWazo(message wazotest.Message) *bubble {
	return &bubble{
		who: p.WazoAuthor(message), own: message.UserUUID == p.Stage.Cast.Alice.UUID,
		notice: p.Stage.FromRelay(message) && message.Alias == nil, blocks: markup.Markdown(sameTime(strings.TrimSpace(message.Content))),
	}
}
