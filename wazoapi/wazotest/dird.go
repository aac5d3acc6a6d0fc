package wazotest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// source is one directory source of a tenant's profile "default".
type source struct {
	uuid, tenant, name, backend string
}

func (src source) view() object {
	return object{{"backend", src.backend}, {"name", src.name}, {"tenant_uuid", src.tenant}, {"uuid", src.uuid}}
}

// addSources gives a tenant the sources that every tenant gets
// (docs/wazo.md, "Directory sources").
func (s *Server) addSources(tenant Tenant) {
	for _, backend := range []string{"conference", "google", "office365", "wazo"} {
		s.sources = append(s.sources, source{newUUID(), tenant.UUID, "auto_" + backend + "_" + tenant.Name, backend})
	}
	s.sources = append(s.sources, source{newUUID(), tenant.UUID, "personal", "personal"})
}

func (s *Server) dirdService() *service {
	get := func(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }
	return &service{name: "dird", routes: []route{
		{"/0.1/directories/lookup/{profile:text}", get(s.lookup)},
		{"/0.1/directories/{profile:text}/sources", get(s.listSources)},
		{"/0.1/backends/wazo/sources/{source:text}/contacts", get(s.listContacts)},
	}}
}

// listSources answers GET /directories/{profile}/sources.
func (s *Server) listSources(r *request) answer {
	profile := r.vars["profile"]
	who, refusal := s.authorize(r, "dird.directories."+strings.ReplaceAll(profile, ".", "_")+".sources.read")
	if refusal != nil {
		return *refusal
	}
	var sc schema
	query := r.query()
	order := sc.choice(query, "order", "name", "name", "backend")
	descending := sc.choice(query, "direction", "asc", "asc", "desc") == "desc"
	limit, offset := sc.count(query, "limit", -1), sc.count(query, "offset", 0)
	if sc.errors != nil {
		return s.invalidData(sc.errors)
	}
	if profile != "default" {
		return s.apiError(http.StatusNotFound, "unknown-profile", fmt.Sprintf("No such profile: %q", profile),
			object{{"uuid", profile}}, "profiles")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	var found []source
	for _, src := range s.sources {
		if src.tenant != who.acting {
			continue
		}
		total++
		if src.matches(query) {
			found = append(found, src)
		}
	}
	slices.SortStableFunc(found, func(a, b source) int {
		x, y := a.name, b.name
		if order == "backend" {
			x, y = a.backend, b.backend
		}
		if descending {
			x, y = y, x
		}
		return strings.Compare(x, y)
	})
	return pageAnswer(total, len(found), page(found, limit, offset), source.view)
}

func (src source) matches(query map[string]any) bool {
	has := func(name, value string) bool { return query[name] == nil || query[name] == value }
	search, _ := query["search"].(string)
	search = strings.ToLower(search)
	return has("backend", src.backend) && has("name", src.name) &&
		(strings.Contains(strings.ToLower(src.name), search) || strings.Contains(src.backend, search))
}

// page cuts a list by limit (negative: none) and offset.
func page[T any](list []T, limit, offset int) []T {
	list = list[min(offset, len(list)):]
	if limit >= 0 {
		list = list[:min(limit, len(list))]
	}
	return list
}

// pageAnswer is the form of dird's lists.
func pageAnswer[T any](total, filtered int, list []T, view func(T) object) answer {
	items := make([]object, len(list))
	for i, item := range list {
		items[i] = view(item)
	}
	return jsonAnswer(http.StatusOK, object{{"total", total}, {"filtered", filtered}, {"items", items}})
}
