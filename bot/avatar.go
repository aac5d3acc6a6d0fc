package bot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

const (
	// avatarTimeout is how long a message waits for its author's picture.
	avatarTimeout = 5 * time.Second
	// avatarRest is how long no picture is made after one could not be uploaded.
	avatarRest = 10 * time.Minute
)

// avatars makes pictures of Wazo people, who have none: their initials on a colour of their own. Each is uploaded once for
// rooms that are encrypted and once for those that are not.
type avatars struct {
	mu   sync.Mutex // held while one is being made
	rest time.Time  // none is made before
}

// avatar is a picture as uploaded. Exactly one of the fields is set.
type avatar struct {
	URL  id.ContentURIString
	File *event.EncryptedFileInfo
}

// profileKey is where a content says as whom it is to be shown (MSC4144).
const profileKey = "com.beeper.per_message_profile"

// avatarFor returns the picture of the Wazo person who says something in a room, nil if there is none. A message is worth
// more than a picture: nothing that fails here holds it back.
func (b *Bot) avatarFor(ctx context.Context, roomID id.RoomID, out relay.Outgoing) *avatar {
	if !b.cfg.Avatars || out.Tag.Kind != relay.TagMessage {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, avatarTimeout)
	defer cancel()
	var content struct {
		Profile event.BeeperPerMessageProfile `json:"com.beeper.per_message_profile"`
	}
	if json.Unmarshal(out.Content, &content) != nil || content.Profile.ID == "" {
		return nil
	}
	made, err := b.makeAvatar(ctx, roomID, content.Profile.ID, content.Profile.Displayname)
	if err != nil {
		b.log.Warn().Err(err).Stringer("room_id", roomID).Msg("Failed to make an avatar")
	}
	return made
}

// makeAvatar returns a person's picture for a room, uploading it if it was not.
func (b *Bot) makeAvatar(ctx context.Context, roomID id.RoomID, userUUID, name string) (*avatar, error) {
	encrypted, err := b.askEncrypted(ctx, roomID)
	if err != nil {
		return nil, err
	}
	letters, err := initials(name)
	if err != nil {
		return nil, err
	}
	b.avatars.mu.Lock()
	defer b.avatars.mu.Unlock()
	stored, err := b.db.Avatar.Get(ctx, userUUID, letters, encrypted)
	if err != nil {
		return nil, err
	} else if stored != "" {
		made := &avatar{}
		return made, json.Unmarshal([]byte(stored), made)
	} else if time.Now().Before(b.avatars.rest) {
		return nil, nil
	}
	made, err := b.uploadAvatar(ctx, userUUID, letters, encrypted)
	if err != nil {
		b.avatars.rest = time.Now().Add(avatarRest)
		return nil, err
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("failed to store an avatar: %w", err)
	}
	return made, b.db.Avatar.Put(ctx, userUUID, letters, encrypted, string(data))
}

func (b *Bot) uploadAvatar(ctx context.Context, userUUID, letters string, encrypted bool) (*avatar, error) {
	data, err := drawAvatar(userUUID, letters)
	if err != nil {
		return nil, err
	}
	made := &avatar{}
	upload := mautrix.ReqUploadMedia{ContentBytes: data, ContentType: "image/png"}
	if encrypted {
		made.File = &event.EncryptedFileInfo{EncryptedFile: *attachment.NewEncryptedFile()}
		made.File.EncryptInPlace(data)
		upload.ContentType = "application/octet-stream"
	}
	uri, err := b.upload(ctx, upload)
	if err != nil {
		return nil, err
	}
	if encrypted {
		made.File.URL = uri
	} else {
		made.URL = uri
	}
	return made, nil
}

// withAvatar puts a picture into the profile of a content. One that was made for the other kind of room is left out, and so is
// one for a content that has no profile.
func withAvatar(content json.RawMessage, a *avatar, encrypted bool) json.RawMessage {
	if a == nil || encrypted != (a.File != nil) {
		return content
	}
	var fields map[string]json.RawMessage
	var profile event.BeeperPerMessageProfile
	if json.Unmarshal(content, &fields) != nil || json.Unmarshal(fields[profileKey], &profile) != nil {
		return content
	}
	if profile.AvatarFile = a.File; a.File == nil {
		profile.AvatarURL = &a.URL
	}
	var err error
	if fields[profileKey], err = json.Marshal(profile); err != nil {
		return content
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return content
	}
	return data
}

// avatarFont is the font of the letters. Each message of somebody with a picture asks which letters it has.
var avatarFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })

// initials returns the first letters of a name's first and last word, as far as the font has them.
func initials(name string) (string, error) {
	parsed, err := avatarFont()
	if err != nil {
		return "", fmt.Errorf("failed to read the font: %w", err)
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	letters := ""
	for _, word := range words {
		r, _ := utf8.DecodeRuneInString(word)
		letters += string(unicode.ToUpper(r))
	}
	return drawable(parsed, letters), nil
}

// avatarSide is the size of a picture in pixels.
const avatarSide = 96

// avatarColors are dark enough for white letters.
var avatarColors = []color.RGBA{
	{0xb0, 0x3a, 0x2e, 0xff}, {0xa0, 0x4f, 0x00, 0xff}, {0x7d, 0x66, 0x08, 0xff}, {0x2e, 0x7d, 0x32, 0xff},
	{0x00, 0x75, 0x6b, 0xff}, {0x1a, 0x6f, 0x8f, 0xff}, {0x1f, 0x5f, 0xbf, 0xff}, {0x4a, 0x4f, 0xb5, 0xff},
	{0x7b, 0x3f, 0xa8, 0xff}, {0xa8, 0x32, 0x7c, 0xff}, {0x8d, 0x4f, 0x3a, 0xff}, {0x54, 0x6e, 0x7a, 0xff},
}

// drawAvatar returns a PNG of letters, as from initials, on a colour that belongs to a user.
func drawAvatar(userUUID, letters string) ([]byte, error) {
	sum := sha256.Sum256([]byte(userUUID))
	picture := image.NewRGBA(image.Rect(0, 0, avatarSide, avatarSide))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(avatarColors[int(sum[0])%len(avatarColors)]), image.Point{}, draw.Src)
	parsed, err := avatarFont()
	if err != nil {
		return nil, fmt.Errorf("failed to read the font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 40, DPI: 72})
	if err != nil {
		return nil, fmt.Errorf("failed to read the font: %w", err)
	}
	defer face.Close()
	drawer := font.Drawer{Dst: picture, Src: image.White, Face: face}
	bounds, _ := drawer.BoundString(letters)
	drawer.Dot = fixed.Point26_6{
		X: fixed.I(avatarSide)/2 - (bounds.Min.X+bounds.Max.X)/2,
		Y: fixed.I(avatarSide)/2 - (bounds.Min.Y+bounds.Max.Y)/2,
	}
	drawer.DrawString(letters)
	var data bytes.Buffer
	if err = png.Encode(&data, picture); err != nil {
		return nil, fmt.Errorf("failed to draw an avatar: %w", err)
	}
	return data.Bytes(), nil
}

// drawable returns the letters that a font has.
func drawable(f *opentype.Font, letters string) string {
	var buf sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if glyph, err := f.GlyphIndex(&buf, r); err != nil || glyph == 0 {
			return -1
		}
		return r
	}, letters)
}
