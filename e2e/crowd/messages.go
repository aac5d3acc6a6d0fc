package crowd

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stubserver"
	"wazo-matrix-relay/wazoapi/wazotest"
)

// Post lets somebody say something in a room on Wazo. No text may be said twice.
func (c *Crowd) Post(room wazotest.Room, by wazotest.User, text string) {
	c.Wazo.Post(room.UUID, by, text, "")
	c.posted[room.UUID] = append(c.posted[room.UUID], by.Firstname+" "+by.Lastname+": "+text)
	c.total++
}

// AwaitShown waits until as many messages are shown on Matrix as Post has posted.
func (c *Crowd) AwaitShown(ctx context.Context) error {
	if err := c.Matrix.Await(ctx, func(v *stubserver.View) bool { return v.Relayed() >= c.total }); err != nil {
		return fmt.Errorf("not all messages were shown: %w\n%s", err, harness.LogTail(c.Relay.LogFile()))
	}
	return nil
}

// RoomsOnMatrix returns the rooms on Matrix that show those on Wazo. In each of these something must have been posted
// and shown. It returns an error if one has none or two, or shows its messages in another order.
func (c *Crowd) RoomsOnMatrix(rooms []wazotest.Room) ([]id.RoomID, error) {
	byText := make(map[string]id.RoomID) // by the first message
	for _, room := range c.Matrix.Rooms() {
		if texts := c.Matrix.Relayed(room); len(texts) > 0 {
			if byText[texts[0]] != "" {
				return nil, fmt.Errorf("two rooms on Matrix begin with %q", texts[0])
			}
			byText[texts[0]] = room
		}
	}
	found := make([]id.RoomID, len(rooms))
	for i, room := range rooms {
		want := c.posted[room.UUID]
		if found[i] = byText[want[0]]; found[i] == "" {
			return nil, fmt.Errorf("no room on Matrix begins with %q", want[0])
		} else if got := c.Matrix.Relayed(found[i]); !slices.Equal(want, got) {
			return nil, fmt.Errorf("%s shows %d of %d messages, or in another order", found[i], len(got), len(want))
		}
	}
	return found, nil
}
