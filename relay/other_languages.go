package relay

import (
	"context"
	"errors"
	"slices"

	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// The relay finds by the text what it has posted on Wazo before its database was restored. Part of the text may be
// words of the relay, like "removed a message", and an administrator may have changed LANGUAGE since. This file says
// again what was said then.

// words returns the texts in the language in which the row is said.
func (d *wazoDelivery) words() words.Texts {
	if d.in == "" {
		return d.texts
	}
	return d.texts.In(d.in)
}

// mayHaveSaid returns what may have been posted for an event: first what is said now, then what was said if Wazo had
// the plugin for reactions and replies, or had not, and then the same in other languages.
func (d *wazoDelivery) mayHaveSaid(ctx context.Context, evt *event.Event, now saying) ([]string, error) {
	all := now.forms()
	if !d.mayBeFound() || !hasOwnWords(evt) {
		return all, nil
	}
	for _, texts := range d.texts.InEach() {
		if texts.Language() == d.words().Language() {
			continue
		}
		other := *d
		other.in = texts.Language()
		said, err := other.say(ctx, evt)
		if err != nil && !errors.Is(err, convert.ErrEmpty) {
			return nil, err
		}
		for _, text := range said.forms() {
			if text != "" && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all, nil
}

// forms returns the texts in which something is said, or was said with another Wazo.
func (s saying) forms() []string {
	if s.ifPluginDiffered == "" {
		return []string{s.text}
	}
	return []string{s.text, s.ifPluginDiffered}
}

// hasOwnWords reports whether what an event says may have words of the relay in it. A text has none, unless it is an
// edit; the quote of what it replies to is not compared.
func hasOwnWords(evt *event.Event) bool {
	if evt.Type.Type != event.EventMessage.Type || evt.Content.Raw["m.new_content"] != nil {
		return true
	}
	kind, _ := evt.Content.Raw["msgtype"].(string)
	return !slices.Contains([]event.MessageType{event.MsgText, event.MsgNotice, event.MsgEmote}, event.MessageType(kind))
}
