package avatar_test

import (
	"bytes"
	"image/color"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"wazo-matrix-relay/bot/media/avatar"
)

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Alice Martin": "AM", "alice": "A", "Anna Maria van der Berg": "AB", "Élodie Ünal": "ÉÜ", "O'Neil": "ON", "Wazo user 3f2a91c4": "W3",
		"  ": "", "": "", "!?": "", "Анна Иванова": "АИ", "👩‍👩‍👧 Kim": "K",
		"山田 太郎": "", "山田 Kim": "K", // what the font does not have is left out, also where it is remembered
	} {
		got, err := avatar.Initials(name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
}

func TestAvatarsAreDrawn(t *testing.T) {
	t.Parallel()
	// looks returns the background and how many pixels are not of it.
	looks := func(userUUID, letters string) (color.Color, int) {
		data, err := avatar.Draw(userUUID, letters)
		require.NoError(t, err)
		picture, err := png.Decode(bytes.NewReader(data))
		require.NoError(t, err)
		require.Equal(t, avatar.Side, picture.Bounds().Dx())
		require.Equal(t, avatar.Side, picture.Bounds().Dy())
		background, drawn := picture.At(0, 0), 0
		for i := range avatar.Side * avatar.Side {
			if picture.At(i%avatar.Side, i/avatar.Side) != background {
				drawn++
			}
		}
		return background, drawn
	}
	blank, none := looks("alice", "")
	require.Zero(t, none)
	background, drawn := looks("alice", "AM")
	require.Equal(t, blank, background, "the colour belongs to the person")
	require.Greater(t, drawn, 200, "letters are seen")
	_, drawn = looks("alice", "АИ")
	require.Positive(t, drawn)
	colors := make(map[color.Color]bool)
	for _, user := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		background, _ = looks(user, "")
		colors[background] = true
	}
	require.Greater(t, len(colors), 2, "people have different colours")
}
