package phone

import (
	"strings"
	"unicode/utf16"
)

// The alphabet of text messages, GSM 03.38. Characters of the second table take two places.
const (
	basic     = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = "\f^{}\\[~]|€"
)

// How much fits in one text message, and in each part of a longer one: in characters of the alphabet, or in UTF-16
// units if one character of the text is not in it.
const (
	oneBasic, partBasic  = 160, 153
	oneUTF16, partUTF16  = 70, 67
	septetsOfAnExtension = 2
)

// Segments returns how many text messages a text makes: what a provider may charge for.
func Segments(text string) int {
	if sizes, ok := septets(text); ok {
		return parts(sizes, oneBasic, partBasic)
	}
	var sizes []int
	for _, c := range text {
		sizes = append(sizes, max(1, utf16.RuneLen(c)))
	}
	return parts(sizes, oneUTF16, partUTF16)
}

// septets returns what each character takes in the alphabet of text messages. It reports false if one is not in it.
func septets(text string) (sizes []int, ok bool) {
	for _, c := range text {
		switch {
		case strings.ContainsRune(basic, c):
			sizes = append(sizes, 1)
		case strings.ContainsRune(extension, c):
			sizes = append(sizes, septetsOfAnExtension)
		default:
			return nil, false
		}
	}
	return sizes, true
}

// parts returns how many parts a text needs. No character is divided.
func parts(sizes []int, one, part int) int {
	total := 0
	for _, size := range sizes {
		total += size
	}
	if total <= one {
		return 1
	}
	n, room := 0, 0
	for _, size := range sizes {
		if size > room {
			n, room = n+1, part
		}
		room -= size
	}
	return n
}
