package relay

import (
	"context"
	"errors"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// A message of Wazo may be longer than the largest event. It becomes a few events, and a text file with the rest.

// File is a file that was uploaded for a Matrix room.
type File struct {
	URL  id.ContentURIString      // in a room that is not encrypted
	File *event.EncryptedFileInfo // in one that is
}

// textParts makes the events that show a text. If the homeserver refuses to take a file, all of the text becomes
// events.
func (d *matrixDelivery) textParts(ctx context.Context, text string, author character, message wazoapi.Message) ([]*matrixPart, error) {
	people := d.cast.mentionable(ctx, text).Without(string(message.UserUUID))
	show := func(texts []string) (parts []*matrixPart) {
		for _, part := range texts {
			parts = append(parts, &matrixPart{Content: author.show(d.typed().ToMatrix(part, people...), message.UserUUID)})
		}
		return parts
	}
	long := d.typed().Parts(text)
	if long.Rest == "" {
		return show(long.Parts), nil
	}
	file, err := d.matrix.UploadText(ctx, d.portal.MatrixRoom, long.Rest)
	var failure *MatrixError
	isMissing := errors.As(err, &failure) && failure.Code == "M_UNRECOGNIZED" // the homeserver stores no files at all
	if err != nil && MayPass(err) && !isMissing {
		return nil, err
	} else if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to upload the rest of a long message, so all of it becomes events")
		return show(d.typed().Split(text)), nil
	}
	rest := &matrixPart{Content: author.show(&event.MessageEventContent{
		MsgType: event.MsgFile, Body: long.FileName, FileName: long.FileName, URL: file.URL, File: file.File,
		Info: &event.FileInfo{MimeType: "text/plain", Size: len(long.Rest)}, Mentions: &event.Mentions{},
	}, message.UserUUID)}
	if file.File == nil {
		// Should the room become encrypted meanwhile, nothing may lead to a file that is not.
		rest.EncryptedFallback = show([]string{d.restInWords(long.Rest)})[0].Content
	}
	return append(show(long.Parts), rest), nil
}

// restInWords returns the rest of a long message for a single event: as much as fits, and that something is missing.
func (d *matrixDelivery) restInWords(rest string) string {
	texts := d.typed().Split(rest)
	if len(texts) == 1 {
		return rest
	}
	ending := "…\n\n" + d.texts.Say(words.RestIsMissing)
	return convert.TruncateBytes(texts[0], len(texts[0])-len(ending)) + ending
}
