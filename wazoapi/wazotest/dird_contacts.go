package wazotest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// listContacts answers GET /backends/wazo/sources/{source}/contacts. dird
// passes the request on to confd (docs/wazo.md, "Directory contacts").
func (s *Server) listContacts(r *request) answer {
	uuid := r.vars["source"]
	who, refusal := s.authorize(r, "dird.backends.wazo.sources."+strings.ReplaceAll(uuid, ".", "_")+".contacts.read")
	if refusal != nil {
		return *refusal
	}
	var sc schema
	query := r.query()
	order := sc.choice(query, "order", "firstname", "firstname", "lastname")
	descending := sc.choice(query, "direction", "asc", "asc", "desc") == "desc"
	limit, offset := sc.count(query, "limit", -1), sc.count(query, "offset", 0)
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	src := s.wazoSource(who, uuid)
	if src == nil {
		return s.apiError(http.StatusNotFound, "unknown-source", fmt.Sprintf("No such source: %q", uuid),
			object{{"uuid", uuid}}, "sources")
	}
	if fault := s.faults.fires(confdDown, faultScope{}); fault != nil {
		a := s.confdError("HTTPConnectionPool(host='localhost', port=9486): Max retries exceeded with url: " +
			confdURL(query) + " (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f823c4bd8d0>: " +
			"Failed to establish a new connection: [Errno 111] Connection refused'))")
		a.delay = fault.delay
		return a
	}
	if limit == 0 {
		return s.confdError("400 Client Error: Input Error - field 'limit': wrong type. Should be a positive number for url: " +
			"http://localhost:9486" + confdURL(query))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := slices.DeleteFunc(s.usersOf(src.tenant), func(a *account) bool { return !a.matchesContact(query) })
	sortContacts(found, order, descending)
	return pageAnswer(len(found), len(found), page(found, limit, offset), (*account).contact)
}

// wazoSource returns the source of backend wazo that the caller may see, or nil.
func (s *Server) wazoSource(who caller, uuid string) *source {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, src := range s.sources {
		if src.uuid == uuid && src.backend == "wazo" && s.mayUse(who.acting, src.tenant) {
			return &src
		}
	}
	return nil
}

// contact is a confd user as dird shows it; any field but id and uuid may be
// null.
func (a *account) contact() object {
	return object{
		{"id", a.ID}, {"uuid", a.UUID}, {"firstname", nullable(a.Firstname)}, {"lastname", nullable(a.Lastname)},
		{"email", nullable(a.Email)}, {"exten", nullable(a.Exten)},
		{"mobile_phone_number", nullable(a.Mobile)}, {"voicemail_number", nullable(a.Voicemail)},
	}
}

// matchesContact tells whether a contact is asked for: uuids are compared
// exactly, firstname and lastname too; exten and email are no filters.
func (a *account) matchesContact(query map[string]any) bool {
	if uuids, ok := query["uuid"].(string); ok && !slices.Contains(strings.Split(uuids, ","), a.UUID) {
		return false
	}
	if v, ok := query["firstname"]; ok && v != a.Firstname {
		return false
	}
	if v, ok := query["lastname"]; ok && v != a.Lastname {
		return false
	}
	search, _ := query["search"].(string)
	if search == "" {
		return true
	}
	// "0" is everybody's subscription type, which confd searches too.
	fields := []string{a.fullName(), a.Email, a.Exten, a.Mobile, a.Username, a.Description, a.Userfield, "0"}
	return slices.ContainsFunc(fields, likePattern(search))
}

func (a *account) fullName() string { return strings.TrimSpace(a.Firstname + " " + a.Lastname) }

// sortContacts orders as recorded: by first name without case, accents behind
// their letter, then last name byte by byte; or by last name only, where null is
// greatest.
func sortContacts(contacts []*account, order string, descending bool) {
	key := func(s string) string { return norm.NFKD.String(strings.ToLower(s)) }
	slices.SortStableFunc(contacts, func(a, b *account) int {
		var c int
		if order == "lastname" {
			c = cmp.Or(compareNull(a.Lastname, b.Lastname), strings.Compare(key(a.Lastname), key(b.Lastname)))
		} else {
			c = cmp.Or(strings.Compare(key(a.Firstname), key(b.Firstname)), strings.Compare(a.Lastname, b.Lastname))
		}
		if descending {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.ID, b.ID))
	})
}

// compareNull puts null, which is "", behind everything else.
func compareNull(a, b string) int {
	switch {
	case (a == "") == (b == ""):
		return 0
	case a == "":
		return 1
	}
	return -1
}

func (s *Server) confdError(cause string) answer {
	return s.apiError(http.StatusServiceUnavailable, "wazo-confd-error", "wazo-confd request error", object{
		{"wazo_confd_config", object{{"host", "localhost"}, {"port", 9486}, {"timeout", 10}}}, {"original_error", cause},
	}, "")
}

// confdURL is what dird asks confd for, for the text of errors.
func confdURL(query map[string]any) string {
	values := url.Values{"view": {"directory"}, "recurse": {"False"}, "direction": {"asc"}, "offset": {"0"},
		"order": {"firstname"}, "order_insensitive": {"False"}}
	for name, value := range query {
		values.Set(name, fmt.Sprint(value))
	}
	return "/1.1/users?" + values.Encode()
}
