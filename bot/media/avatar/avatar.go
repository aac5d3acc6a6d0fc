// Package avatar draws the pictures of people who have none: their initials, in white on a colour of their own.
package avatar

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// boldFont is the font of the letters. Each message of somebody with a picture asks which letters it has.
var boldFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })

// Initials returns the first letters of a name's first and last word, as far as the font has them.
func Initials(name string) (string, error) {
	parsed, err := boldFont()
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

// Side is the size of a picture in pixels.
const Side = 96

// colors are dark enough for white letters.
var colors = []color.RGBA{
	{0xb0, 0x3a, 0x2e, 0xff}, {0xa0, 0x4f, 0x00, 0xff}, {0x7d, 0x66, 0x08, 0xff}, {0x2e, 0x7d, 0x32, 0xff},
	{0x00, 0x75, 0x6b, 0xff}, {0x1a, 0x6f, 0x8f, 0xff}, {0x1f, 0x5f, 0xbf, 0xff}, {0x4a, 0x4f, 0xb5, 0xff},
	{0x7b, 0x3f, 0xa8, 0xff}, {0xa8, 0x32, 0x7c, 0xff}, {0x8d, 0x4f, 0x3a, 0xff}, {0x54, 0x6e, 0x7a, 0xff},
}

// Draw returns a PNG of letters, as from Initials, on a colour that belongs to a user.
func Draw(userUUID, letters string) ([]byte, error) {
	sum := sha256.Sum256([]byte(userUUID))
	picture := image.NewRGBA(image.Rect(0, 0, Side, Side))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(colors[int(sum[0])%len(colors)]), image.Point{}, draw.Src)
	parsed, err := boldFont()
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
		X: fixed.I(Side)/2 - (bounds.Min.X+bounds.Max.X)/2,
		Y: fixed.I(Side)/2 - (bounds.Min.Y+bounds.Max.Y)/2,
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
