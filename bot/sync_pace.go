package bot

import (
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// While the bot sends much, each of its own events would end a poll of /sync: that is one more request, and one more
// answer, for each message. So after an answer that brings nothing but the bot's own messages, soon after another such
// answer, the loop lets some of them gather. What people on Matrix write meanwhile comes that much later.

const (
	// echoPause is how long the loop lets the bot's own messages gather.
	echoPause = 20 * time.Millisecond
	// echoesFollow is how soon two answers follow each other between which the bot sends much.
	echoesFollow = 60 * time.Millisecond
)

// syncPace says when the loop asks again. The zero value is ready to use.
type syncPace struct {
	last time.Time // when the last answer came that brought only the bot's own messages
}

// after returns how long the loop pauses after an answer that came at a time.
func (p *syncPace) after(isOwn bool, now time.Time) time.Duration {
	if !isOwn {
		p.last = time.Time{}
		return 0
	}
	follows := now.Sub(p.last) < echoesFollow
	p.last = now
	if follows {
		return echoPause
	}
	return 0
}

// bringsOnlyOwn reports whether an answer of /sync brings messages of the bot itself, and nothing else.
func bringsOnlyOwn(answer *syncAnswer, received relay.Sync, own id.UserID) bool {
	if len(answer.ToDevice.Events) > 0 || len(answer.DeviceLists.Changed) > 0 || len(received.Inbox) > 0 || len(received.Rooms) == 0 {
		return false
	}
	for _, room := range received.Rooms {
		if len(answer.Rooms.Join[room.Room].State.Events) > 0 {
			return false
		}
		for _, evt := range room.Events {
			if evt.ParseError != nil || evt.StateKey != nil || evt.Sender != own {
				return false
			}
		}
	}
	return true
}
