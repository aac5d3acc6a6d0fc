package relay

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// maxPictures is how many pictures of one Wazo message are shown; more are links.
const maxPictures = 4

// pictureWait is how long a message waits for a homeserver that takes no pictures at the moment. After that its pictures are
// links.
const pictureWait = time.Minute

// Picture is a picture that was uploaded for a room. Either URL or File is set.
type Picture struct {
	URL       id.ContentURIString      // in a room that is not encrypted
	File      *event.EncryptedFileInfo // in one that is
	Info      *event.FileInfo
	Extension string // of a name for it, like .png
}

// uploadPictures uploads the pictures of a message. The result has nil for those that can't be shown. It returns an error if
// the homeserver may take them a little later.
func (r *Relay) uploadPictures(ctx context.Context, room id.RoomID, row *db.Row, pictures []convert.Picture) ([]*Picture, error) {
	uploaded := make([]*Picture, len(pictures))
	ctx, cancel := r.workers.untilStop(ctx)
	defer cancel()
	group, groupCtx := errgroup.WithContext(ctx)
	for i, picture := range pictures[:min(len(pictures), maxPictures)] {
		group.Go(func() error {
			err := guard(groupCtx, func() (err error) {
				uploaded[i], err = r.matrix.UploadPicture(groupCtx, room, picture.Source)
				return err
			})
			var failure *MatrixError
			switch {
			case err == nil:
				return nil
			case errors.As(err, &failure) && MayPass(err) && time.Since(time.UnixMilli(row.AcceptedAt)) < pictureWait:
				return err
			}
			uploaded[i] = nil
			zerolog.Ctx(ctx).Warn().Err(err).Str("source", row.Source).Msg("Failed to show a picture")
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return uploaded, ctx.Err()
}

// pictureParts makes the events of a message's pictures that were uploaded.
func pictureParts(message wazoapi.Message, name string, pictures []convert.Picture, uploaded []*Picture) (parts []matrixPart, err error) {
	for i, picture := range pictures {
		if uploaded[i] == nil {
			continue
		}
		var part matrixPart
		if uploaded[i].File == nil {
			// Should the room become encrypted meanwhile, nothing leads to a file that is not.
			if part.Instead, err = profiled(convert.ToMatrix(picture.Line()), message, name); err != nil {
				return nil, err
			}
		}
		part.Content, err = profiled(&event.MessageEventContent{
			MsgType: event.MsgImage, Body: picture.Description, FileName: picture.FileName(uploaded[i].Extension),
			URL: uploaded[i].URL, File: uploaded[i].File, Info: uploaded[i].Info, Mentions: &event.Mentions{},
		}, message, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// profiled returns a content as its author says it.
func profiled(content *event.MessageEventContent, message wazoapi.Message, name string) (json.RawMessage, error) {
	convert.AddProfile(content, string(message.UserUUID), name)
	return json.Marshal(content)
}
