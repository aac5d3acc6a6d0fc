// Package avatar draws a picture for a person who has none: the initials of the name, in white on a colour of the
// person's own.
//
// The same person with the same initials always gets the same picture, byte by byte. It is a PNG of [Side] by [Side]
// pixels. Only letters of the font are drawn, which are those of Latin, Greek and Cyrillic scripts. Whoever has none of
// them gets the colour alone.
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

// boldFont returns the font of the letters. It is parsed once, because it is asked for with every message of a person.
var boldFont = sync.OnceValues(func() (*opentype.Font, error) {
	parsed, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("failed to read the font: %w", err)
	}
	return parsed, nil
})

// Initials returns the first letters of the first and the last word of a name, in capitals. Letters that the font lacks
// are left out, so that the result may be empty. It returns an error only if the font cannot be read.
func Initials(name string) (string, error) {
	parsed, err := boldFont()
	if err != nil {
		return "", err
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

// Side is the width and the height of a picture, in pixels.
const Side = 96

// colors are dark enough to read white letters on them.
var colors = []color.RGBA{
	{0xb0, 0x3a, 0x2e, 0xff}, {0xa0, 0x4f, 0x00, 0xff}, {0x7d, 0x66, 0x08, 0xff}, {0x2e, 0x7d, 0x32, 0xff},
	{0x00, 0x75, 0x6b, 0xff}, {0x1a, 0x6f, 0x8f, 0xff}, {0x1f, 0x5f, 0xbf, 0xff}, {0x4a, 0x4f, 0xb5, 0xff},
	{0x7b, 0x3f, 0xa8, 0xff}, {0xa8, 0x32, 0x7c, 0xff}, {0x8d, 0x4f, 0x3a, 0xff}, {0x54, 0x6e, 0x7a, 0xff},
}

// Draw returns a PNG of the letters that Initials returned, on the colour of a user. It returns an error only if the
// font cannot be read or the picture cannot be encoded.
func Draw(userUUID, letters string) ([]byte, error) {
	sum := sha256.Sum256([]byte(userUUID))
	picture := image.NewRGBA(image.Rect(0, 0, Side, Side))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(colors[int(sum[0])%len(colors)]), image.Point{}, draw.Src)
	parsed, err := boldFont()
	if err != nil {
		return nil, err
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
