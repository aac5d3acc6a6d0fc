package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// maxPictures is how many pictures of one Wazo message are shown; more are links.
const maxPictures = 4

// Picture is a picture that was uploaded for a room. Either URL or File is set.
type Picture struct {
	URL       id.ContentURIString      // in a room that is not encrypted
	File      *event.EncryptedFileInfo // in one that is
	Info      *event.FileInfo
	Extension string // of a name for it, like .png
}

// uploadPictures uploads the pictures of a message. The result has nil for those that can't be shown. It returns an
// error if the message has to wait: the homeserver is away, or may take pictures a little later. What is settled then
// is not tried again.
func (d *matrixDelivery) uploadPictures(ctx context.Context, pictures []convert.Picture) ([]*Picture, error) {
	uploaded, failed := make([]*Picture, len(pictures)), make([]error, len(pictures))
	up := d.uploads.of(d.row)
	ctx, cancel := d.tasks.UntilStop(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for i, picture := range pictures[:min(len(pictures), maxPictures)] {
		if settled, ok := up.settled[i]; ok {
			uploaded[i] = settled
			continue
		}
		wg.Go(func() {
			failed[i] = task.Guard(ctx, func() (err error) {
				uploaded[i], err = d.matrix.UploadPicture(ctx, d.portal.MatrixRoom, picture.Source)
				return err
			})
		})
	}
	wg.Wait()
	for i, picture := range uploaded {
		if picture != nil && failed[i] == nil {
			up.settled[i] = picture
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	} else if err := d.settleUploads(ctx, up, failed); err != nil {
		return nil, err
	}
	for i, err := range failed {
		if err != nil {
			uploaded[i] = nil
		}
	}
	return uploaded, nil
}

// settleUploads settles the pictures that can't be shown. It returns an error if others have to wait.
func (d *matrixDelivery) settleUploads(ctx context.Context, up *upload, failed []error) error {
	failures := make([]*MatrixError, len(failed)) // that may pass
	trouble, limits := false, false
	for i, err := range failed {
		var failure *MatrixError
		if errors.As(err, &failure) && (failure.NotSent || MayPass(err)) {
			failures[i] = failure
			trouble = trouble || !failure.NotSent
			limits = limits || isLimit(failure)
		}
	}
	if trouble {
		d.uploads.failed(up, time.Now(), d.lastSync.load(), limits)
	}
	var wait *MatrixError
	for i, failure := range failures {
		if failure != nil && (failure.NotSent || !d.uploads.isHopeless(up, failure)) {
			if wait == nil || failure.RetryAfter > wait.RetryAfter {
				wait = failure
			}
		} else if failed[i] != nil {
			up.settled[i] = nil
			zerolog.Ctx(ctx).Warn().Err(failed[i]).Msg("Failed to show a picture")
		}
	}
	if wait != nil {
		return wait
	}
	return nil
}

// pictureParts makes the events of a message's pictures that were uploaded.
func (d *matrixDelivery) pictureParts(message wazoapi.Message, author character, pictures []convert.Picture, uploaded []*Picture) (parts []*matrixPart) {
	for i, picture := range pictures {
		if uploaded[i] == nil {
			continue
		}
		part := &matrixPart{Content: author.show(&event.MessageEventContent{
			MsgType: event.MsgImage, Body: picture.Description, FileName: picture.FileName(d.texts, uploaded[i].Extension),
			URL: uploaded[i].URL, File: uploaded[i].File, Info: uploaded[i].Info, Mentions: &event.Mentions{},
		}, message.UserUUID)}
		if uploaded[i].File == nil {
			// Should the room become encrypted meanwhile, nothing may lead to a file that is not.
			part.EncryptedFallback = author.show(convert.ToMatrix(picture.Line(d.texts)), message.UserUUID)
		}
		parts = append(parts, part)
	}
	return parts
}
