package media

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/id"
)

// UploadText uploads a text file for a room, encrypted if that is.
func (t *Transfers) UploadText(ctx context.Context, roomID id.RoomID, text string) (*Uploaded, error) {
	encrypted, err := t.homeserver.IsEncrypted(ctx, roomID)
	if err != nil {
		return nil, err
	}
	data := []byte(text)
	content := mautrix.ReqUploadMedia{ContentBytes: data, ContentType: "text/plain; charset=utf-8"}
	if !encrypted {
		return t.upload(ctx, content)
	}
	return t.uploadEncrypted(ctx, content, func(keys *attachment.EncryptedFile) error {
		keys.EncryptInPlace(data)
		return nil
	})
}
