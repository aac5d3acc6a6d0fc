package convert

import (
	"strings"
	"time"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/words"
)

// locationIn returns the place in extensible content (MSC3488), or nil.
func locationIn(content map[string]any) map[string]any {
	return objectIn(content, "m.location", "org.matrix.msc3488.location")
}

// describeLocation replaces the body of a location by its description, if the content has
// it apart: some clients make a body of address, position and time for clients that show
// nothing else.
func describeLocation(c *event.MessageEventContent, location map[string]any) {
	if location == nil {
		return
	}
	if uri := stringIn(location, "uri"); c.GeoURI == "" {
		c.GeoURI = uri
	}
	description := stringIn(location, "description")
	if readable(cleanText(description)) || strings.HasPrefix(c.GeoURI, "geo:") {
		c.Body = description
	}
}

// extensibleLocation describes a place that was sent as an event of its own (MSC3488).
func extensibleLocation(s subject) Description {
	location := locationIn(s.content())
	if s.isGone() {
		return Description{}
	} else if location == nil {
		return textOf1767(s, s.evt.Type.Type)
	}
	c := plainText(extensibleText(s.content()))
	c.MsgType = event.MsgLocation
	describeLocation(c, location)
	return Description{Kind: KindSaid, Content: c}
}

// liveLocation describes that somebody begins or ends to share where they are (MSC3489,
// MSC3672). The positions themselves come every few seconds and are not shown.
func liveLocation(s subject) Description {
	info := objectIn(s.content(), "m.beacon_info", "org.matrix.msc3489.beacon_info", "org.matrix.msc3672.beacon_info")
	if info == nil {
		info = s.content()
	}
	live, isTold := info["live"].(bool)
	switch {
	case s.isGone() || !isTold:
		return Description{}
	case !live:
		return said(s.texts.Say(words.LiveLocationEnded))
	}
	period := s.readablePeriod(time.Duration(wholeNumber(numberIn(info, "timeout"))) * time.Millisecond)
	return said(s.texts.LiveLocation(beginning(stringIn(info, "description"), maxPollText), period))
}

// readablePeriod writes how long somebody wants to share something, or "" if that is not
// told.
func (s subject) readablePeriod(period time.Duration) string {
	unit, count := words.Minutes, int(period.Round(time.Minute).Minutes())
	switch {
	case period < 30*time.Second || period > 365*24*time.Hour:
		return ""
	case period >= 24*time.Hour:
		unit, count = words.Days, int(period.Round(24*time.Hour).Hours()/24)
	case period >= time.Hour && period%time.Hour == 0:
		unit, count = words.Hours, int(period.Hours())
	}
	return s.texts.Period(count, unit)
}
