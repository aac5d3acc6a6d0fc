package wazotest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxAlias is in code points (docs/wazo.md, "Messages").
const maxAlias = 256

// postMessage answers POST /users/me/rooms/{room}/messages, in the order of
// checks of docs/wazo.md, "Post messages". Whether the caller is a member is
// not one of them.
func (s *Server) postMessage(r *request) answer {
	roomUUID := r.vars["room"]
	who, refusal := s.authorize(r, "chatd.users.me.rooms."+roomUUID+".messages.create")
	if refusal != nil {
		return *refusal
	}
	target := s.roomInTenant(roomUUID, who.tenant)
	if target == nil {
		return s.unknownRoom(roomUUID)
	}
	body, refusal := r.json()
	if refusal != nil {
		return *refusal
	}
	content, alias, identity, refusal := s.parseMessage(body)
	if refusal != nil {
		return *refusal
	}
	var out *delivery
	switch {
	case identity != "":
		if out, refusal = s.outgoing(target, who.user, identity); refusal != nil {
			return *refusal
		}
	case target.reachesOutside():
		return s.apiError(http.StatusConflict, "message-identity-required",
			"Messages in rooms with external participants require a sender_identity_uuid", nil, "messages")
	}
	scope := faultScope{room: roomUUID, user: who.user, request: true}
	if out != nil {
		scope.text = content
	}
	if fault := s.faults.fires(refusePost, scope); fault != nil {
		return fault.answer.answer()
	}
	if strings.ContainsRune(content, 0) || strings.ContainsRune(text(alias), 0) {
		return refusedText()
	}
	return s.answerPosting(r, s.post(target, scope, content, alias, out), scope)
}

// answerPosting waits for the commit, as chatd does, and answers.
func (s *Server) answerPosting(r *request, p posting, scope faultScope) answer {
	if p.committed != nil {
		select {
		case <-p.committed:
		case <-r.Context().Done():
			return answer{cut: true}
		}
	}
	status := http.StatusCreated
	if p.leaves {
		status = http.StatusAccepted // it is on its way
	}
	a := jsonAnswer(status, p.view)
	if p.failed {
		a = internalError()
	}
	return s.faults.spoil(a, lateAnswer, cutPost, scope)
}

func (s *Server) parseMessage(body any) (content string, alias *string, identity string, refusal *answer) {
	var sc schema
	fields := sc.loadObject(body)
	if sc.errors == nil {
		content = text(sc.str(fields, "content", stringRule{required: true}))
		alias = sc.str(fields, "alias", stringRule{nullable: true, max: maxAlias})
	}
	identity = sc.uuid(fields, "sender_identity_uuid")
	if sc.errors != nil {
		bad := s.invalidData(sc.errors)
		return "", nil, "", &bad
	}
	return content, alias, identity, nil
}

func (s *Server) roomInTenant(uuid, tenant string) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[uuid]
	if r == nil || r.tenant != tenant {
		return nil
	}
	return r
}

func (s *Server) unknownRoom(uuid string) answer {
	return s.apiError(http.StatusNotFound, "unknown-room", fmt.Sprintf("No such room: %q", uuid),
		object{{"uuid", uuid}}, "rooms")
}

// listing is the query of the two routes that list messages.
type listing struct {
	ascending     bool
	limit, offset int
	from          time.Time
	search        string
	distinct      bool
}

func (s *schema) listing(query map[string]any) listing {
	l := listing{
		ascending: s.choice(query, "direction", "desc", "asc", "desc") == "asc",
		limit:     s.count(query, "limit", -1),
		offset:    s.count(query, "offset", 0),
	}
	s.choice(query, "order", "created_at", "created_at")
	l.search, _ = query["search"].(string)
	return l
}

// listMessages answers GET /users/me/rooms/{room}/messages.
func (s *Server) listMessages(r *request) answer {
	roomUUID := r.vars["room"]
	who, refusal := s.authorize(r, "chatd.users.me.rooms."+roomUUID+".messages.read")
	if refusal != nil {
		return *refusal
	}
	var sc schema
	query := r.query()
	wanted := sc.listing(query)
	wanted.from = sc.datetime(query, "from_date")
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	target := s.roomInTenant(roomUUID, who.tenant)
	if target == nil || !target.has(who.user) {
		return s.unknownRoom(roomUUID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.connectors.visible(target.sorted, who.user)
	found := filterMessages(s.connectors.visible(target.since(wanted.from), who.user), wanted.search)
	return s.messagePage(found, wanted, len(mine))
}

// searchMessages answers GET /users/me/rooms/messages: a search in all rooms of
// the caller, or the newest message of each, or both
// (docs/wazo.md, "Search messages").
func (s *Server) searchMessages(r *request) answer {
	who, refusal := s.authorize(r, "chatd.users.me.rooms.messages.read")
	if refusal != nil {
		return *refusal
	}
	var sc schema
	query := r.query()
	wanted := sc.listing(query)
	wanted.distinct = sc.choice(query, "distinct", "", "room_uuid") == "room_uuid"
	if sc.errors == nil && wanted.search == "" && !wanted.distinct {
		sc.fail("_schema", "Missing search or distinct")
	}
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*Message
	total := 0
	for _, mine := range s.roomsOf(who) {
		visible := s.connectors.visible(mine.sorted, who.user)
		matching := filterMessages(visible, wanted.search)
		if wanted.distinct && len(matching) > 0 {
			matching = matching[len(matching)-1:]
		}
		found = append(found, matching...)
		total += len(visible)
	}
	slices.SortStableFunc(found, func(a, b *Message) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return s.messagePage(found, wanted, total)
}

func filterMessages(messages []*Message, search string) []*Message {
	if search == "" {
		return messages
	}
	matches := searchPattern(search)
	var found []*Message
	for _, m := range messages {
		if matches(m.Content) {
			found = append(found, m)
		}
	}
	return found
}

// messagePage answers with a part of what was found, which is in ascending
// order. The caller holds s.mu.
func (s *Server) messagePage(found []*Message, wanted listing, total int) answer {
	n := len(found)
	first := min(wanted.offset, n)
	last := n
	if wanted.limit >= 0 {
		last = min(first+wanted.limit, n)
	}
	items := make([]object, 0, last-first)
	for i := first; i < last; i++ {
		at := i
		if !wanted.ascending {
			at = n - 1 - i
		}
		items = append(items, s.messageView(found[at]))
	}
	return jsonAnswer(http.StatusOK, object{{"items", items}, {"filtered", n}, {"total", total}})
}
