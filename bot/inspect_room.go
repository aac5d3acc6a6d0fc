package bot

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// RoomReport is what the bot can do in a room, and who can read there.
type RoomReport struct {
	Joined    bool
	MaySpeak  bool
	Encrypted bool
	Open      string // why strangers can read it, in words; "" if they cannot
}

// InspectRoom asks the homeserver about a room, for a bot that has logged in with Login. It changes nothing. If the bot
// has not joined the room, the homeserver says nothing else about it.
func (b *Bot) InspectRoom(ctx context.Context, room id.RoomID) (report RoomReport, err error) {
	var joined []id.RoomID
	err = b.ask(ctx, func() error {
		ctx, cancel := b.request(ctx)
		defer cancel()
		resp, err := b.client.JoinedRooms(ctx)
		if err == nil {
			joined = resp.JoinedRooms
		}
		return translated(err)
	})
	if err != nil {
		return report, fmt.Errorf("failed to ask which rooms the bot has joined: %w", err)
	} else if report.Joined = slices.Contains(joined, room); !report.Joined {
		return report, nil
	}
	var encryption event.EncryptionEventContent
	if report.Encrypted, err = b.findState(ctx, room, event.StateEncryption, "", &encryption); err != nil {
		return report, err
	}
	levels, err := b.info.powerLevels(ctx, room)
	if err != nil {
		return report, err
	}
	report.MaySpeak = maySpeak(levels, b.userID, report.Encrypted)
	report.Open, err = b.info.whyOpen(ctx, room)
	return report, err
}
