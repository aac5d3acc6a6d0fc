package convert

import (
	"strings"

	"wazo-matrix-relay/relay/words"
)

// callInvite describes the first event of a call between two people. The others are
// signalling.
func callInvite(s subject) Description {
	sdp := stringIn(objectIn(s.content(), "offer"), "sdp")
	switch {
	case s.isGone():
		return Description{}
	case strings.Contains(sdp, "m=video"):
		return said(s.texts.Say(words.CallsVideo))
	default:
		return said(s.texts.Say(words.CallsVoice))
	}
}

// rtcNotification describes the event by which a client tells people of a call (MSC4075).
// Its m.call.intent is often not what the call becomes, so it is not shown.
func rtcNotification(s subject) Description {
	return ifThere(s, said(s.texts.Say(words.CallStarted)))
}

// groupCall describes the state of a call of several people (MSC3401). Only the event that
// begins the call says something.
func groupCall(s subject) Description {
	if s.isGone() || s.content()["m.terminated"] != nil || s.hadContent() {
		return Description{}
	}
	switch stringIn(s.content(), "m.type") {
	case "m.video":
		return said(s.texts.Say(words.CallsVideo))
	case "m.voice":
		return said(s.texts.Say(words.CallsVoice))
	default:
		return said(s.texts.Say(words.CallStarted))
	}
}

// callMember describes that somebody is in a call (MSC3401, MSC4143). Clients send the same
// again to say that they are still there.
func callMember(s subject) Description {
	if !isInCall(s.content()) || isInCall(s.before()) {
		return Description{}
	}
	return said(s.texts.Say(words.CallJoined))
}

// isInCall reports whether the state of a member says that they are in a call.
func isInCall(content map[string]any) bool {
	if memberships, isOld := content["memberships"].([]any); isOld {
		return len(memberships) > 0
	}
	if calls, isOldest := content["m.calls"].([]any); isOldest {
		return len(calls) > 0
	}
	return stringIn(content, "application") != "" || objectIn(content, "application") != nil || objectIn(content, "m.call") != nil
}

// widget describes a conference that was added to the room. Other widgets say nothing.
func widget(s subject) Description {
	if kind := stringIn(s.content(), "type"); kind != "jitsi" && kind != "m.jitsi" || s.hadContent() {
		return Description{}
	}
	return said(s.texts.Say(words.CallsVideo))
}

// voiceBroadcast describes that somebody begins to speak to the room.
func voiceBroadcast(s subject) Description {
	if stringIn(s.content(), "state") != "started" {
		return Description{}
	}
	return said(s.texts.Say(words.VoiceBroadcast))
}

// before returns what a state event replaces, or nil.
func (s subject) before() map[string]any {
	if s.evt.Unsigned.PrevContent == nil {
		return nil
	}
	return s.evt.Unsigned.PrevContent.Raw
}

// hadContent reports whether a state event replaces one that was not empty.
func (s subject) hadContent() bool { return len(s.before()) > 0 }
