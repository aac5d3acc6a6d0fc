package bot

import (
	"context"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/media"
	"wazo-matrix-relay/relay"
)

// initMedia connects package media with the account.
func (b *Bot) initMedia() {
	fetcher := media.NewFetcher(b.cfg.MediaFetchHosts, b.cfg.MediaMaxSize, "wazo-matrix-relay/"+b.cfg.Version)
	b.transfers = media.NewTransfers(media.Homeserver{
		Client: b.transferClient, IsEncrypted: b.encryptedRooms.wasEncrypted, MatrixError: toMatrixError,
	}, b.cfg.MediaMaxSize)
	b.pictures = media.NewPictures(fetcher, b.transfers)
	b.avatars = media.NewAvatars(b.db, b.transfers)
}

// MediaServer returns a server of the files of Matrix messages. The caller closes it.
func (b *Bot) MediaServer() *media.Server { return media.NewServer(b.db, b.transfers, b.texts, b.log) }

// UploadText implements relay.Matrix.
func (b *Bot) UploadText(ctx context.Context, roomID id.RoomID, text string) (*relay.File, error) {
	uploaded, err := b.transfers.UploadText(ctx, roomID, text)
	if err != nil {
		return nil, err
	}
	return &relay.File{URL: uploaded.URL, File: uploaded.File}, nil
}

// UploadPicture implements relay.Matrix.
func (b *Bot) UploadPicture(ctx context.Context, roomID id.RoomID, source string) (*relay.Picture, error) {
	return b.pictures.Upload(ctx, roomID, source)
}
