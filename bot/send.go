package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/sjson"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media"
	"wazo-matrix-relay/relay"
)

// Send implements relay.Matrix. Everything that the bot says goes through here: never plaintext into an encrypted room,
// and our own key on every event. Only reactions go out another way (react.go), because they are never encrypted. What
// the homeserver's rate limit refuses is sent again when its time is over. It is silent for some seconds first if
// somebody is new in an encrypted room.
func (b *Bot) Send(ctx context.Context, roomID id.RoomID, out relay.Outgoing, txnID string) (eventID id.EventID, err error) {
	var avatar *media.Uploaded
	if url := b.memberAvatar(ctx, roomID, out.As); url != nil {
		out.Content, out.EncryptedFallback = withAvatarURL(out.Content, url), withAvatarURL(out.EncryptedFallback, url)
	} else {
		avatar = b.avatarFor(ctx, roomID, out)
	}
	for eventID == "" {
		if err = b.awaitKeyExchange(ctx, roomID); err != nil {
			return "", err
		}
		err = b.call(ctx, func() error {
			eventID, err = b.sendOnce(ctx, roomID, out, avatar, txnID)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return eventID, nil
}

// IsLimited implements relay.Matrix.
func (b *Bot) IsLimited() bool { return b.sending.isSerial() }

// sendOnce sends an event. It returns no event id if it has sent nothing, because somebody has joined the encrypted
// room while the event was made ready.
func (b *Bot) sendOnce(ctx context.Context, roomID id.RoomID, out relay.Outgoing, avatar *media.Uploaded, txnID string) (id.EventID, error) {
	if out.Check != nil {
		if err := out.Check(ctx); err != nil {
			return "", &relay.MatrixError{NotSent: true, Err: err}
		}
	}
	encrypted, err := b.encryptedRooms.isEncrypted(ctx, roomID)
	if err != nil {
		return "", err
	}
	clear := out.Content
	if encrypted && out.EncryptedFallback != nil {
		clear = out.EncryptedFallback
	}
	clear = withAvatar(clear, avatar, encrypted)
	evtType, content := out.Type, any(clear)
	if encrypted {
		evtType = event.EventEncrypted
		if content, err = b.keySharing.encrypt(ctx, roomID, out.Type, clear); err != nil {
			return "", err
		} else if b.newcomers.pause(roomID, time.Now()) > 0 {
			return "", nil
		}
	}
	encoded, err := b.encode(content, out.Tag)
	if err != nil {
		return "", &relay.MatrixError{NotSent: true, Err: err}
	}
	defer b.encryptedRooms.sent(roomID)
	return b.putEvent(ctx, roomID, evtType, encoded, txnID)
}

// putEvent makes the request that sends an event as it is.
func (b *Bot) putEvent(ctx context.Context, roomID id.RoomID, evtType event.Type, encoded json.RawMessage, txnID string) (id.EventID, error) {
	ctx, cancel := b.request(ctx)
	defer cancel()
	// Not by SendMessageEvent, which would encrypt by what its state store says, and log the content when it fails.
	var resp mautrix.RespSendEvent
	_, err := b.client.MakeFullRequest(ctx, mautrix.FullRequest{
		Method: http.MethodPut, URL: b.client.BuildClientURL("v3", "rooms", roomID, "send", evtType.String(), txnID),
		RequestJSON: encoded, ResponseJSON: &resp, SensitiveContent: true,
	})
	if err != nil {
		return "", toMatrixError(err)
	} else if resp.EventID == "" {
		return "", &relay.MatrixError{Err: errors.New("the homeserver's answer names no event")}
	}
	return resp.EventID, nil
}

// tagPath is the place of our own key in a content, as sjson writes it.
var tagPath = strings.ReplaceAll(relay.TagKey, ".", `\.`)

// encode marshals a content, or a ciphertext, with our own key beside it.
func (b *Bot) encode(content any, tag relay.Tag) (json.RawMessage, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("failed to encode content: %w", err)
	}
	tag.By = b.userID
	encodedTag, err := json.Marshal(tag)
	if err != nil {
		return nil, fmt.Errorf("failed to encode tag: %w", err)
	}
	return sjson.SetRawBytes(data, tagPath, encodedTag)
}
