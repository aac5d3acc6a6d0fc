package wazotest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxEmoji is in code points: the width of the plugin's column
// (docs/wazo.md, "Reactions").
const maxEmoji = 10

// Reaction is a reaction that the plugin has stored.
type Reaction struct {
	RoomUUID    string
	MessageUUID string
	UserUUID    string
	Emoji       string // as it was sent
	CreatedAt   time.Time
}

func (x Reaction) is(message, user, emoji string) bool {
	return x.MessageUUID == message && x.UserUUID == user && x.Emoji == emoji
}

// postReaction answers POST …/messages/{message}/reactions.
func (s *Server) postReaction(r *request) answer {
	call, refusal := s.beginPlugin(r, "reactions.create")
	if refusal != nil {
		return *refusal
	}
	body, refusal := pluginJSON(r)
	if refusal != nil {
		return *refusal
	}
	var sc schema
	fields := sc.loadObject(body)
	emoji := ""
	if sc.errors == nil {
		emoji = text(sc.str(fields, "emoji", stringRule{required: true}))
	}
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	target, refusal := call.find(true)
	if refusal != nil {
		return *refusal
	}
	if refusal = call.refused(); refusal != nil {
		return *refusal
	}
	reaction, refusal := s.addReaction(target, call.message, call.who.user, emoji)
	if refusal != nil {
		return *refusal
	}
	published := s.announceReaction(target, reaction, "created")
	return call.answerChange(jsonAnswer(http.StatusCreated, object{
		{"message_uuid", reaction.MessageUUID}, {"user_uuid", reaction.UserUUID}, {"emoji", reaction.Emoji},
		{"created_at", isoformatUTC(reaction.CreatedAt)},
	}), published)
}

// addReaction stores a reaction. Nothing checks that it is an emoji.
func (s *Server) addReaction(r *room, message, user, emoji string) (Reaction, *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refusal answer
	switch {
	case slices.ContainsFunc(r.reactions, func(x Reaction) bool { return x.is(message, user, emoji) }):
		refusal = s.apiError(http.StatusConflict, "reaction-already-exists",
			fmt.Sprintf("Reaction already exists: user %s already reacted with %s to message %s", user, emoji, message),
			reactionDetails(message, user, emoji), "")
	case utf8.RuneCountInString(emoji) > maxEmoji, strings.ContainsRune(emoji, 0):
		refusal = internalError()
	default:
		reaction := Reaction{RoomUUID: r.uuid, MessageUUID: message, UserUUID: user, Emoji: emoji, CreatedAt: s.now()}
		r.reactions = append(r.reactions, reaction)
		r.signal()
		return reaction, nil
	}
	return Reaction{}, &refusal
}

func reactionDetails(message, user, emoji string) object {
	return object{{"message_uuid", message}, {"user_uuid", user}, {"emoji", emoji}}
}

func (s *Server) announceReaction(r *room, x Reaction, what string) bool {
	data := object{{"emoji", x.Emoji}, {"user_uuid", x.UserUUID}}
	if what == "created" {
		data = append(data, field{"created_at", isoformatUTC(x.CreatedAt)})
	}
	data = append(data, field{"room_uuid", r.uuid}, field{"message_uuid", x.MessageUUID})
	return s.announceRelation(r, x.UserUUID, relationEvent{
		name: "reaction_" + what, message: x.MessageUUID, action: "reactions." + what, data: data,
	})
}

// deleteReaction answers DELETE …/messages/{message}/reactions/{emoji}.
func (s *Server) deleteReaction(r *request) answer {
	call, refusal := s.beginPlugin(r, "reactions.delete")
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(true)
	if refusal != nil {
		return *refusal
	}
	if refusal = call.refused(); refusal != nil {
		return *refusal
	}
	reaction, refusal := s.removeReaction(target, call.message, call.who.user, r.vars["emoji"])
	if refusal != nil {
		return *refusal
	}
	return call.answerChange(noContent(), s.announceReaction(target, reaction, "deleted"))
}

func (s *Server) removeReaction(r *room, message, user, emoji string) (Reaction, *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(r.reactions, func(x Reaction) bool { return x.is(message, user, emoji) })
	if at < 0 {
		refusal := s.apiError(http.StatusNotFound, "reaction-not-found",
			fmt.Sprintf("Reaction not found: user %s has not reacted with %s to message %s", user, emoji, message),
			reactionDetails(message, user, emoji), "")
		return Reaction{}, &refusal
	}
	reaction := r.reactions[at]
	r.reactions = slices.Delete(slices.Clone(r.reactions), at, at+1)
	r.signal()
	return reaction, nil
}

// listReactions answers GET …/messages/{message}/reactions.
func (s *Server) listReactions(r *request) answer {
	call, refusal := s.beginPlugin(r, "reactions.read")
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(false)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return jsonAnswer(http.StatusOK, object{
		{"message_uuid", call.message}, {"reactions", target.reactionsView(call.message, call.who.user)},
	})
}

// listRoomReactions answers GET …/rooms/{room}/reactions.
func (s *Server) listRoomReactions(r *request) answer {
	call, refusal := s.beginPlugin(r, "reactions.read")
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(false)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var messages []string
	for _, x := range target.reactions {
		messages = append(messages, x.MessageUUID)
	}
	slices.Sort(messages)
	byMessage := object{}
	for _, message := range slices.Compact(messages) {
		byMessage = append(byMessage, field{message, target.reactionsView(message, call.who.user)})
	}
	return jsonAnswer(http.StatusOK, object{{"room_uuid", call.room}, {"reactions", byMessage}})
}

// reactionsView are the reactions to a message by emoji, as me sees them, in the
// order in which the first of each came. The caller holds Server.mu.
func (r *room) reactionsView(message, me string) []object {
	var emoji []string
	by := map[string][]Reaction{}
	for _, x := range r.reactions {
		if x.MessageUUID == message {
			if by[x.Emoji] == nil {
				emoji = append(emoji, x.Emoji)
			}
			by[x.Emoji] = append(by[x.Emoji], x)
		}
	}
	views := []object{}
	for _, e := range emoji {
		users, details, mine := []string{}, []object{}, false
		for _, x := range by[e] {
			users = append(users, x.UserUUID)
			details = append(details, object{{"user_uuid", x.UserUUID}, {"created_at", isoformatUTC(x.CreatedAt)}})
			mine = mine || x.UserUUID == me
		}
		views = append(views, object{
			{"emoji", e}, {"count", len(users)}, {"user_uuids", users}, {"reacted_by_me", mine}, {"details", details},
		})
	}
	return views
}

// React adds a reaction as a native client of the user does, with its events. It
// panics if the plugin would refuse it.
func (s *Server) React(roomUUID, messageUUID string, u User, emoji string) Reaction {
	r := s.pluginRoom(roomUUID, messageUUID, u)
	reaction, refusal := s.addReaction(r, messageUUID, u.UUID, emoji)
	if refusal != nil {
		panic("wazotest: " + string(refusal.body))
	}
	s.announceReaction(r, reaction, "created")
	return reaction
}

// Unreact removes a reaction as a native client of the user does, with its
// events. It panics if there is none.
func (s *Server) Unreact(roomUUID, messageUUID string, u User, emoji string) {
	r := s.pluginRoom(roomUUID, messageUUID, u)
	reaction, refusal := s.removeReaction(r, messageUUID, u.UUID, emoji)
	if refusal != nil {
		panic("wazotest: " + string(refusal.body))
	}
	s.announceReaction(r, reaction, "deleted")
}

// pluginRoom returns a room in which the user can use the plugin, and panics if
// there is none.
func (s *Server) pluginRoom(roomUUID, messageUUID string, u User) *room {
	if !s.hasPlugin() {
		panic("wazotest: the plugin is not installed")
	}
	call := pluginCall{server: s, who: caller{user: u.UUID, tenant: u.Tenant.UUID}, room: roomUUID, message: messageUUID}
	r, refusal := call.find(true)
	if refusal != nil {
		panic("wazotest: " + string(refusal.body))
	}
	return r
}

// Reactions returns the reactions in a room in the order in which they came.
func (s *Server) Reactions(roomUUID string) []Reaction {
	r := s.room(roomUUID)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(r.reactions)
}

// WaitReactions returns once match accepts the reactions in a room, or the
// context's error.
func (s *Server) WaitReactions(ctx context.Context, roomUUID string, match func([]Reaction) bool) error {
	r := s.room(roomUUID)
	return waitRelations(ctx, s, r, func() []Reaction { return slices.Clone(r.reactions) }, match)
}
