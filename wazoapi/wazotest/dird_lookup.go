package wazotest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// lookup answers GET /directories/lookup/{profile}. It is one of dird's oldest
// routes, with errors of an older shape, and it says nothing when confd is down
// (docs/wazo.md, "Directory look-up").
func (s *Server) lookup(r *request) answer {
	profile := r.vars["profile"]
	who, refusal := s.authorize(r, "dird.directories.lookup."+strings.ReplaceAll(profile, ".", "_")+".read")
	switch {
	case refusal != nil && refusal.status == http.StatusUnauthorized:
		return s.legacyError(http.StatusUnauthorized, "Unauthorized")
	case refusal != nil:
		return s.legacyError(refusal.status, "Authentication server unreachable")
	}
	term, given := r.query()["term"].(string)
	if !given {
		return jsonAnswer(http.StatusBadRequest, object{{"message", object{{"term", "term is missing"}}}})
	}
	if profile != "default" {
		return s.reasonError(http.StatusNotFound, "The profile `"+profile+"` does not exist")
	}
	var found []*account
	if fault := s.faults.fires(confdDown, faultScope{}); fault == nil {
		found = s.lookUp(who.acting, term)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	results := make([]object, len(found))
	for i, a := range found {
		results[i] = s.lookupResult(a)
	}
	return jsonAnswer(http.StatusOK, object{
		{"column_headers", []string{"Nom", "Prénom", "Nom de famille", "Numéro", "Mobile", "Boîte vocale", "Favoris", "E-mail"}},
		{"column_types", []string{"name", "firstname", "lastname", "number", "number", "voicemail", "favorite", "email"}},
		{"results", results}, {"term", term},
	})
}

// lookUp searches the columns firstname, lastname, full_name and exten for the
// term as it is: no wildcards. The order, as recorded, is by last name.
func (s *Server) lookUp(tenant, term string) []*account {
	s.mu.Lock()
	defer s.mu.Unlock()
	term = plain(term)
	found := slices.DeleteFunc(s.usersOf(tenant), func(a *account) bool {
		return !slices.ContainsFunc([]string{a.fullName(), a.Exten}, func(column string) bool {
			return strings.Contains(plain(column), term)
		})
	})
	slices.SortStableFunc(found, func(a, b *account) int {
		return cmp.Or(strings.Compare(plain(a.Lastname), plain(b.Lastname)), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// lookupResult is one row. The default display's columns for mobile and
// voicemail name fields that the source does not have: always null.
func (s *Server) lookupResult(a *account) object {
	var endpoint any
	if a.Exten != "" {
		endpoint = a.ID
	}
	tenant := a.Tenant.UUID
	name := "auto_wazo_" + s.tenants[tenant].Name
	return object{
		{"column_values", []any{
			a.fullName(), nullable(a.Firstname), nullable(a.Lastname), nullable(a.Exten), nil, nil, false, nullable(a.Email),
		}},
		{"relations", object{
			{"xivo_id", s.wazoUUID}, {"agent_id", nil}, {"user_id", a.ID}, {"user_uuid", a.UUID},
			{"endpoint_id", endpoint}, {"source_entry_id", strconv.Itoa(a.ID)},
		}},
		{"source", name}, {"backend", "wazo"},
	}
}
