package wazotest

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// maxPreview is how much of a message a reply quotes, in code points
// (docs/wazo.md, "Replies").
const maxPreview = 200

// Reply says that a message replies to another one. The plugin keeps one for each
// message.
type Reply struct {
	RoomUUID   string
	ChildUUID  string // the reply
	ParentUUID string // what it replies to; "" since that was deleted
	CreatedAt  time.Time

	preview preview
}

// preview is what the plugin keeps of the parent.
type preview struct {
	content   string
	author    string
	alias     *string
	createdAt time.Time
}

func previewOf(m *Message) preview {
	content := []rune(m.Content)
	return preview{string(content[:min(len(content), maxPreview)]), m.UserUUID, m.Alias, m.CreatedAt}
}

// view shows the preview; an empty content is null.
func (p preview) view() object {
	return object{
		{"content", nullable(p.content)}, {"author_uuid", p.author}, {"author_alias", p.alias},
		{"created_at", isoformatUTC(p.createdAt)},
	}
}

// stored is the preview as it is read again: null if its content is.
func (p preview) stored() any {
	if p.content == "" {
		return nil
	}
	return p.view()
}

func (y Reply) view(preview any) object {
	return object{
		{"child_message_uuid", y.ChildUUID}, {"parent_message_uuid", nullable(y.ParentUUID)}, {"room_uuid", y.RoomUUID},
		{"parent_preview", preview},
	}
}

// postReply answers POST …/messages/{message}/reply. Anybody in the room may do
// it, and nothing keeps a message from replying to itself.
func (s *Server) postReply(r *request) answer {
	call, refusal := s.beginPlugin(r, "reply.create")
	if refusal != nil {
		return *refusal
	}
	parent, refusal := s.parseReply(r)
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(true)
	if refusal == nil {
		refusal = s.missingMessage(target, parent)
	}
	if refusal == nil {
		refusal = call.refused()
	}
	if refusal != nil {
		return *refusal
	}
	reply, ok := s.addReply(target, call.message, parent)
	if !ok {
		return internalError()
	}
	published := s.announceReply(target, call.who.user, reply)
	return call.answerChange(jsonAnswer(http.StatusCreated, reply.view(reply.preview.view())), published)
}

func (s *Server) parseReply(r *request) (parent string, refusal *answer) {
	body, refusal := pluginJSON(r)
	if refusal != nil {
		return "", refusal
	}
	const name = "parent_message_uuid"
	var sc schema
	fields := sc.loadObject(body)
	if sc.errors == nil {
		switch value, given := fields[name]; {
		case !given:
			sc.fail(name, missingError())
		case value == nil:
			sc.fail(name, nullError())
		default:
			parent = sc.uuid(fields, name)
		}
	}
	if sc.errors != nil {
		bad := s.invalidData(sc.errors)
		return "", &bad
	}
	return parent, nil
}

// addReply stores a reply. ok is false if the message is one already: the plugin
// does not look before, and the database refuses it.
func (s *Server) addReply(r *room, child, parent string) (reply Reply, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.replyOf(child) != nil {
		return Reply{}, false
	}
	reply = Reply{
		RoomUUID: r.uuid, ChildUUID: child, ParentUUID: parent, CreatedAt: s.now(), preview: previewOf(r.message(parent)),
	}
	r.replies = append(r.replies, reply)
	r.signal()
	return reply, true
}

// replyOf returns what a message replies to, or nil. The caller holds Server.mu.
func (r *room) replyOf(child string) *Reply {
	for i := range r.replies {
		if r.replies[i].ChildUUID == child {
			return &r.replies[i]
		}
	}
	return nil
}

// announceReply sends an event that does not say who did it.
func (s *Server) announceReply(r *room, user string, y Reply) bool {
	return s.announceRelation(r, user, relationEvent{
		name: "reply_created", message: y.ParentUUID, action: "replies.created",
		more: object{{"parent_message_uuid", y.ParentUUID}, {"child_message_uuid", y.ChildUUID}},
		data: object{
			{"room_uuid", r.uuid}, {"child_message_uuid", y.ChildUUID}, {"parent_message_uuid", y.ParentUUID},
			{"parent_preview", y.preview.view()}, {"created_at", isoformatUTC(y.CreatedAt)},
		},
	})
}

// readReply answers GET …/messages/{message}/reply.
func (s *Server) readReply(r *request) answer {
	call, refusal := s.beginPlugin(r, "reply.read")
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(false)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := target.replyOf(call.message)
	if reply == nil {
		return messageError(http.StatusNotFound, "This message is not a reply")
	}
	return jsonAnswer(http.StatusOK, reply.view(reply.preview.stored()))
}

// listReplies answers GET …/messages/{message}/replies.
func (s *Server) listReplies(r *request) answer {
	call, refusal := s.beginPlugin(r, "replies.read")
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(false)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	replies := []object{}
	for _, y := range target.replies {
		if y.ParentUUID == call.message {
			replies = append(replies, object{{"message_uuid", y.ChildUUID}, {"created_at", isoformatUTC(y.CreatedAt)}})
		}
	}
	return jsonAnswer(http.StatusOK, object{
		{"parent_message_uuid", call.message}, {"reply_count", len(replies)}, {"replies", replies},
	})
}

// listRoomReplies answers GET …/rooms/{room}/replies.
func (s *Server) listRoomReplies(r *request) answer {
	call, refusal := s.beginPlugin(r, "replies.read")
	if refusal != nil {
		return *refusal
	}
	target, refusal := call.find(false)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	byChild := object{}
	for _, y := range target.replies {
		byChild = append(byChild, field{y.ChildUUID, object{
			{"parent_message_uuid", nullable(y.ParentUUID)}, {"parent_preview", y.preview.stored()},
		}})
	}
	return jsonAnswer(http.StatusOK, object{{"room_uuid", call.room}, {"replies", byChild}})
}

// MarkReply marks a message as a reply to another one, as a native client of
// the user does after it has posted the message, with its events. It panics if
// the plugin would refuse it.
func (s *Server) MarkReply(roomUUID, childUUID, parentUUID string, u User) Reply {
	r := s.pluginRoom(roomUUID, childUUID, u)
	if refusal := s.missingMessage(r, parentUUID); refusal != nil {
		panic("wazotest: " + string(refusal.body))
	}
	reply, ok := s.addReply(r, childUUID, parentUUID)
	if !ok {
		panic("wazotest: the message is a reply already")
	}
	s.announceReply(r, u.UUID, reply)
	return reply
}

// Replies returns the replies in a room in the order in which they were marked.
func (s *Server) Replies(roomUUID string) []Reply {
	r := s.room(roomUUID)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(r.replies)
}

// WaitReplies returns once match accepts the replies in a room, or the context's
// error.
func (s *Server) WaitReplies(ctx context.Context, roomUUID string, match func([]Reply) bool) error {
	r := s.room(roomUUID)
	return waitRelations(ctx, s, r, func() []Reply { return slices.Clone(r.replies) }, match)
}
