package wazotest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// service is one of Wazo's HTTP services. A new one is a file with its routes.
type service struct {
	name      string // as in /api/NAME
	poweredBy string
	routes    []route
	plugin    []route // of a plugin, as long as hasPlugin
	hasPlugin func() bool
}

type handler func(r *request) answer

// route is a path, below the service, and what its methods do. Segments in
// braces are variables: {room} is a UUID, {name:text} is anything.
type route struct {
	pattern string
	methods map[string]handler
}

// request is an HTTP request at a service.
type request struct {
	*http.Request
	route string // as in Requests
	body  []byte
	vars  map[string]string
}

// query returns the query parameters, the first value of each, as fields for
// a schema.
func (r *request) query() map[string]any {
	fields := map[string]any{}
	// A semicolon or a bad escape spoils only the pair that it is in.
	values, _ := url.ParseQuery(r.URL.RawQuery)
	for name, all := range values {
		fields[name] = all[0]
	}
	return fields
}

// json returns the body, or the answer to one that is not JSON.
func (r *request) json() (any, *answer) {
	v, err := decodeBody(r.Header.Get("Content-Type"), r.body)
	if err != nil {
		bad := badRequest()
		return nil, &bad
	}
	return v, nil
}

// find returns the route of a path with its variables, or nil.
func (svc *service) find(path string) (*route, map[string]string) {
	if rt, vars := findRoute(svc.routes, path); rt != nil || svc.hasPlugin == nil || !svc.hasPlugin() {
		return rt, vars
	}
	return findRoute(svc.plugin, path)
}

func findRoute(routes []route, path string) (*route, map[string]string) {
	for i := range routes {
		if vars, ok := matchPath(routes[i].pattern, path); ok {
			return &routes[i], vars
		}
	}
	return nil, nil
}

func matchPath(pattern, path string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	vars := map[string]string{}
	for i, segment := range want {
		if !strings.HasPrefix(segment, "{") {
			if segment != have[i] {
				return nil, false
			}
			continue
		}
		name, isText := strings.CutSuffix(strings.Trim(segment, "{}"), ":text")
		value, ok := have[i], have[i] != ""
		if !isText {
			value, ok = parseUUID(have[i]) // Flask's converter accepts upper case (docs/wazo.md, "Post messages")
		}
		if !ok {
			return nil, false
		}
		vars[name] = value
	}
	return vars, true
}

// handle answers a request as Flask's routing does: unknown paths are 404 in
// HTML, known ones with a wrong method 405 in JSON.
func (rt *route) handle(r *request) answer {
	method := r.Method
	if method == http.MethodHead && rt.methods[http.MethodHead] == nil {
		method = http.MethodGet
	}
	if h := rt.methods[method]; h != nil {
		return h(r)
	}
	allow := http.Header{"Allow": {strings.Join(rt.allowed(), ", ")}}
	if method == http.MethodOptions {
		return answer{status: http.StatusOK, contentType: "text/html; charset=utf-8", header: allow}
	}
	refusal := messageError(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL.")
	refusal.header = allow
	return refusal
}

func (rt *route) allowed() []string {
	methods := []string{http.MethodOptions}
	for method := range rt.methods {
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods[1:])
	return slices.Compact(methods)
}
