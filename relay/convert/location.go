package convert

import (
	"cmp"
	"strconv"
	"strings"

	"wazo-matrix-relay/relay/words"
)

// location returns the line that stands for a place, with a link to a map:
// "📍 location: [Office](https://www.openstreetmap.org/…)".
func (w wazoWriter) location(c original) wazoText {
	line, label := w.opts.Texts.Say(words.AnnouncedLocation), w.opts.Texts.Labelled(words.AnnouncedLocation)
	geo := ""
	if strings.HasPrefix(c.GeoURI, "geo:") {
		geo = CleanName(c.GeoURI, MaxProfileBytes)
	}
	description := CleanName(c.Body, MaxProfileBytes)
	address := mapOf(geo)
	switch {
	case description == "" && geo == "":
		return wazoText{markdown: line}
	case address != "" && description == address:
		return wazoText{markdown: label + address}
	case address != "":
		return wazoText{markdown: w.phraser.link(label, cmp.Or(description, geo), address)}
	case geo == "" || description == "" || strings.Contains(description, geo):
		return wazoText{markdown: w.phraser.literal(label, cmp.Or(description, geo))}
	default:
		return wazoText{markdown: w.phraser.literal(label, description+" ("+geo+")")}
	}
}

// mapOf returns the address of a map that shows the position of a geo: URI (RFC 5870),
// or "" if the URI has none on Earth.
func mapOf(geo string) string {
	position, found := strings.CutPrefix(geo, "geo:")
	if !found {
		return ""
	}
	position, parameters, _ := strings.Cut(position, ";")
	for parameter := range strings.SplitSeq(parameters, ";") {
		if name, value, _ := strings.Cut(parameter, "="); strings.EqualFold(name, "crs") && !strings.EqualFold(value, "wgs84") {
			return ""
		}
	}
	numbers := strings.Split(position, ",")
	if len(numbers) < 2 || len(numbers) > 3 || !isDegrees(numbers[0], 90) || !isDegrees(numbers[1], 180) {
		return ""
	}
	latitude, longitude := numbers[0], numbers[1]
	return "https://www.openstreetmap.org/?mlat=" + latitude + "&mlon=" + longitude + "#map=16/" + latitude + "/" + longitude
}

// isDegrees reports whether s is a decimal number between -limit and limit.
func isDegrees(s string, limit float64) bool {
	number, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.Trim(s, "-.0123456789") == "" && number >= -limit && number <= limit
}
