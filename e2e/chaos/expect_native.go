package chaos

import (
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"
)

// silentReactions judges the reactions on Wazo that the relay has made for people on Matrix. It returns those of which
// no line tells, as if each had a line, whose place does not count.
func (x *expectation) silentReactions() (silent []arrival) {
	there, shaken := make(map[string]bool), x.shakenRemovals()
	for _, n := range x.natives {
		mark := strings.TrimPrefix(n.Emoji, thumb)
		h, ok := x.byMark[mark]
		key := x.key(h.who, h.text)
		switch {
		case !ok || h.kind != reacts:
			x.isUnequal("%s on Wazo, with which nobody on Matrix reacts", n.Emoji)
		case there[mark]:
			x.isUnequal("%s is twice on Wazo", key)
		case !x.isShownBy(n.MessageUUID, h.target):
			x.isUnequal("%s is on Wazo for something else", key)
		case h.isGone && !h.isShaken && !shaken[h.event]:
			x.isUnequal("%s was removed, and is still on Wazo", key)
		case h.isGone:
		case x.there[key] == 0:
			silent = append(silent, arrival{key: key, late: true})
			x.there[key]++
			x.left[key]++
		}
		there[mark] = true
	}
	for mark, h := range x.byMark {
		isLive := h.kind == reacts && !h.isGone && !h.isShaken && !x.byEvent[h.target].isGone
		if isLive && x.byNative[mark] && !there[mark] {
			x.isUnequal("%s has a line that is a reply, and is no reaction on Wazo", x.key(h.who, h.text))
		}
	}
	return silent
}

// shakenRemovals returns the reactions whose removal is shaken.
func (x *expectation) shakenRemovals() map[id.EventID]bool {
	shaken := make(map[id.EventID]bool)
	for _, h := range x.done {
		if h.kind == redacts && h.isShaken {
			shaken[h.target] = true
		}
	}
	return shaken
}

func (x *expectation) isUnequal(what string, args ...any) {
	x.unequal++
	x.problems = append(x.problems, "unequal: "+fmt.Sprintf(what, args...))
}
