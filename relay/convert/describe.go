package convert

import (
	"encoding/json"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay/words"
)

// Kind says what becomes of a Matrix event on Wazo.
type Kind uint8

// What becomes of a Matrix event.
const (
	// KindSilent: clients say it to each other, or nobody in a chat says it to anybody.
	KindSilent Kind = iota
	// KindSaid: Content says it.
	KindSaid
	// KindReacted: [ReactionOf] reads it.
	KindReacted
	// KindRedacted: it takes another event back.
	KindRedacted
	// KindLocked: it is encrypted, so that it is not known what it says.
	KindLocked
	// KindUnreadable: it should say a text, but has something else in its place.
	KindUnreadable
	// KindWordless: a person says something by it, but it has no text. Content names the type.
	// The event is named once in each room.
	KindWordless
)

// Description is what an event says to people on Wazo.
type Description struct {
	Kind Kind
	// Content is what [ToWazo] shows, if the event is said or wordless. It is an edit if the
	// event is one.
	Content *event.MessageEventContent
	// Type is the type of the event, or of the message, that has no text.
	Type string
	// About is the event without which the content is not complete: the poll that a vote is
	// for. It is empty if the content is complete.
	About id.EventID
}

// Describe says what a Matrix event says to people on Wazo. about is the event that it
// belongs to, as named by [Description].About of the same event without it, or nil if that
// is not known. Describe changes neither of them.
//
// An event of a type that is not known says its text, if it has one in any of the forms
// that clients must be able to fall back to (MSC1767).
//
// What it says is English; [Describer] has other languages.
func Describe(evt, about *event.Event) Description { return Describer{}.Describe(evt, about) }

// Describer describes events in a language.
type Describer struct{ Texts words.Texts }

// Describe is like the function [Describe].
func (d Describer) Describe(evt, about *event.Event) Description {
	s := subject{evt, about, d.Texts}
	if evt.StateKey != nil {
		if describe := stateTypes[stateType(evt.Type.Type)]; describe != nil {
			return describe(s)
		}
		return Description{}
	}
	name := evt.Type.Type
	if isSignalling(name) {
		return Description{}
	}
	if describe := messageTypes[name]; describe != nil {
		return describe(s)
	}
	return unknown(s)
}

// subject is an event that is described.
type subject struct {
	evt, about *event.Event
	texts      words.Texts
}

func (s subject) content() map[string]any { return s.evt.Content.Raw }

// isGone reports whether the event was redacted, or has nothing in it.
func (s subject) isGone() bool {
	return s.evt.Redacts != "" || s.evt.Unsigned.RedactedBecause != nil || len(s.content()) == 0
}

// relation returns the event that the event refers to.
func (s subject) relation() id.EventID {
	return id.EventID(stringIn(objectIn(s.content(), "m.relates_to"), "event_id"))
}

// said describes an event that says a text.
func said(text string) Description { return Description{Kind: KindSaid, Content: plainText(text)} }

// messageTypes says what becomes of events that are no state. What is neither here nor
// signalling is unknown.
var messageTypes = map[string]func(subject) Description{
	"m.room.message":   message,
	"m.sticker":        sticker,
	"m.room.encrypted": func(s subject) Description { return ifThere(s, Description{Kind: KindLocked}) },
	"m.reaction":       func(s subject) Description { return ifThere(s, Description{Kind: KindReacted}) },
	"m.room.redaction": func(subject) Description { return Description{Kind: KindRedacted} },

	"m.poll.start":                        pollStart,
	"org.matrix.msc3381.poll.start":       pollStart,
	"org.matrix.msc3381.v2.poll.start":    pollStart,
	"m.poll.response":                     pollResponse,
	"org.matrix.msc3381.poll.response":    pollResponse,
	"org.matrix.msc3381.v2.poll.response": pollResponse,
	"m.poll.end":                          pollEnd,
	"org.matrix.msc3381.poll.end":         pollEnd,
	"org.matrix.msc3381.v2.poll.end":      pollEnd,

	"m.call.invite":                       callInvite,
	"m.call.notify":                       rtcNotification,
	"org.matrix.msc4075.call.notify":      rtcNotification,
	"m.rtc.notification":                  rtcNotification,
	"org.matrix.msc4075.rtc.notification": rtcNotification,

	"m.location":                  extensibleLocation,
	"org.matrix.msc3488.location": extensibleLocation,
	"m.emote":                     extensibleMessage,
	"m.image":                     extensibleMessage,
	"m.video":                     extensibleMessage,
	"m.audio":                     extensibleMessage,
	"m.voice":                     extensibleMessage,
	"m.file":                      extensibleMessage,
}

// IsGesture reports whether an event says something on Wazo in the words of the relay,
// although nobody has written anything: a vote, or that a call or a live location begins.
func IsGesture(evt *event.Event) bool { return evt.StateKey != nil || gestures[evt.Type.Type] }

// gestures are the types of such events that are no state.
var gestures = map[string]bool{
	"m.poll.response":                     true,
	"org.matrix.msc3381.poll.response":    true,
	"org.matrix.msc3381.v2.poll.response": true,
	"m.poll.end":                          true,
	"org.matrix.msc3381.poll.end":         true,
	"org.matrix.msc3381.v2.poll.end":      true,

	"m.call.invite":                       true,
	"m.call.notify":                       true,
	"org.matrix.msc4075.call.notify":      true,
	"m.rtc.notification":                  true,
	"org.matrix.msc4075.rtc.notification": true,
}

// stateTypes says what becomes of state events. People do not say the others.
var stateTypes = map[string]func(subject) Description{
	"m.beacon_info":                   liveLocation,
	"org.matrix.msc3489.beacon_info":  liveLocation,
	"org.matrix.msc3672.beacon_info":  liveLocation,
	"m.call":                          groupCall,
	"org.matrix.msc3401.call":         groupCall,
	"m.call.member":                   callMember,
	"org.matrix.msc3401.call.member":  callMember,
	"m.rtc.member":                    callMember,
	"org.matrix.msc4143.rtc.member":   callMember,
	"im.vector.modular.widgets":       widget,
	"m.widget":                        widget,
	"io.element.voice_broadcast_info": voiceBroadcast,
}

// stateType returns the type of a state event without what early clients put behind it:
// the user and a number, as in "m.beacon_info.@ann:a.example.1".
func stateType(name string) string {
	for _, variable := range []string{"m.beacon_info", "org.matrix.msc3489.beacon_info", "org.matrix.msc3672.beacon_info"} {
		if strings.HasPrefix(name, variable+".") {
			return variable
		}
	}
	return name
}

// signalling begins the types of what clients and bridges say to each other. A type that
// has an entry in messageTypes is none of these.
var signalling = []string{
	"m.key.", "m.room_key", "m.forwarded_room_key", "org.matrix.room_key", "m.secret.", "m.dummy", "m.olm.",
	"m.call.", "org.matrix.call.", "m.rtc.", "org.matrix.msc4143.rtc.", "org.matrix.msc4310.rtc.", "m.group_call.", "org.matrix.msc3401.", "org.matrix.msc3898.",
	"io.element.call.", "m.beacon", "org.matrix.msc3489.beacon", "org.matrix.msc3672.beacon",
	"m.room.message.feedback", "m.receipt", "m.typing", "m.presence",
	"com.beeper.message_send_status", "com.beeper.delete_chat", "com.beeper.accept_message_request", "com.beeper.send_state", "com.beeper.stream",
	"m.bridge", "uk.half-shot.",
}

// isSignalling reports whether clients say events of a type to each other.
func isSignalling(name string) bool {
	if messageTypes[name] != nil {
		return false
	}
	for _, prefix := range signalling {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func ifThere(s subject, d Description) Description {
	if s.isGone() {
		return Description{}
	}
	return d
}

// message describes an m.room.message.
func message(s subject) Description {
	name := stringIn(s.content(), "msgtype")
	if s.isGone() || strings.HasPrefix(name, "m.key.verification.") || s.evt.Content.Raw["m.new_content"] != nil && len(objectIn(s.content(), "m.new_content")) == 0 {
		return Description{}
	}
	content := parseContent(s.evt)
	if count := galleryItems(s.content()); count > 0 && name != "m.text" {
		return said(s.gallery(content.Body, count))
	}
	current, isEdit := newestContent(content)
	if current.MsgType == event.MsgLocation {
		describeLocation(current, locationIn(newestRaw(s.content(), isEdit)))
	}
	if !readable(cleanText(current.Body)) && !isReadableWithoutText(current) {
		return emptyMessage(s, name)
	}
	return Description{Kind: KindSaid, Content: content}
}

// emptyMessage describes a message without a body. One that is nothing but its text says
// nothing.
func emptyMessage(s subject, name string) Description {
	d := textOf1767(s, name)
	switch event.MessageType(name) {
	case event.MsgText, event.MsgNotice, event.MsgEmote:
		if body, there := s.content()["body"]; d.Kind == KindWordless && there && !isText(body) {
			return Description{Kind: KindUnreadable}
		} else if d.Kind == KindWordless {
			return Description{}
		}
	}
	return d
}

// isText reports whether a value of JSON is a text, or nothing.
func isText(value any) bool {
	_, ok := value.(string)
	return ok || value == nil
}

// isReadableWithoutText reports whether a message is more than its text: a file, a place
// or HTML.
func isReadableWithoutText(c *event.MessageEventContent) bool {
	switch c.MsgType {
	case event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile, event.MsgLocation:
		return true
	default:
		return c.Format == event.FormatHTML && c.FormattedBody != ""
	}
}

func sticker(s subject) Description {
	return ifThere(s, Description{Kind: KindSaid, Content: parseContent(s.evt)})
}

// unknown describes an event of a type that the relay does not know.
func unknown(s subject) Description {
	if s.isGone() {
		return Description{}
	}
	if body := stringIn(s.content(), "body"); readable(cleanText(body)) {
		return Description{Kind: KindSaid, Content: parseContent(s.evt)}
	}
	return textOf1767(s, s.evt.Type.Type)
}

// textOf1767 describes an event by its extensible text. name is its type, if it has none.
func textOf1767(s subject, name string) Description {
	if c := extensibleContent(s.content()); c != nil {
		return Description{Kind: KindSaid, Content: c}
	}
	return s.wordless(name)
}

// wordless describes an event that has no text.
func (s subject) wordless(name string) Description {
	const unnamed = "m.room.message"
	if name = CleanName(name, MaxProfileBytes); name == "" {
		name = unnamed
	}
	return Description{Kind: KindWordless, Type: name, Content: plainText(s.texts.Wordless(name))}
}

// parseContent reads the content of a message, without the fields that are not of the type
// that they should be of.
func parseContent(evt *event.Event) *event.MessageEventContent {
	data := []byte(evt.Content.VeryRaw)
	if len(data) == 0 {
		var err error
		if data, err = json.Marshal(evt.Content.Raw); err != nil {
			return plainText("")
		}
	}
	var c event.MessageEventContent
	if json.Unmarshal(data, &c) == nil {
		return &c
	}
	if data, err := json.Marshal(usable(evt.Content.Raw)); err == nil {
		c = event.MessageEventContent{}
		if json.Unmarshal(data, &c) == nil {
			return &c
		}
	}
	return plainText(stringIn(evt.Content.Raw, "body"))
}

// usable returns the fields of the content of a message that are of the type that they
// should be of. Of an object it returns those of its fields.
func usable(content map[string]any) map[string]any {
	fields := make(map[string]any, len(content))
	for key, value := range content {
		object, isObject := value.(map[string]any)
		switch {
		case isObject && key == "m.new_content":
			fields[key] = usable(object)
		case isUsable(key, value):
			fields[key] = value
		case isObject:
			parts := make(map[string]any, len(object))
			for part, value := range object {
				if isUsable(key, map[string]any{part: value}) {
					parts[part] = value
				}
			}
			fields[key] = parts
		}
	}
	return fields
}

// isUsable reports whether a field of the content of a message is of the type that it should
// be of.
func isUsable(key string, value any) bool {
	data, err := json.Marshal(map[string]any{key: value})
	return err == nil && json.Unmarshal(data, &event.MessageEventContent{}) == nil
}
