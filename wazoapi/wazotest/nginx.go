package wazotest

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Limits of nginx as Wazo configures it, that is, not at all
// (docs/wazo.md, "Redirects and limits of nginx").
const (
	maxBody        = 1 << 20 // client_max_body_size
	maxRequestLine = 8 << 10 // large_client_header_buffers
)

// nginx stands before the services.
type nginx struct {
	server *Server
	drain  *drain
}

func (n *nginx) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !n.drain.begin() {
		panic(http.ErrAbortHandler)
	}
	defer n.drain.end()
	s := n.server
	if wait(r.Context(), s.clock, s.faults.answerDelay()) != nil {
		return
	}
	if isWebsocketd(r) {
		s.counts.add("GET /api/websocketd/")
		if s.faults.fires(websocketdDown, faultScope{}) != nil {
			send(w, r, "", nginxPage(http.StatusBadGateway))
			return
		}
		s.serveWebsocket(w, r, n.drain)
		return
	}
	svc, a := n.pass(r)
	if wait(r.Context(), s.clock, a.delay) != nil || a.cut {
		panic(http.ErrAbortHandler) // closes the connection without a word
	}
	name := ""
	if svc != nil {
		name = svc.poweredBy
		if name != "wazo-auth" && a.status < 400 && a.status != http.StatusAccepted { // add_header knows no 202
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
	}
	send(w, r, name, a)
}

func isWebsocketd(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/websocketd/")
}

// pass finds the service of a request and lets it answer. The service is nil
// when nginx refuses the request before it looks for one.
func (n *nginx) pass(r *http.Request) (*service, answer) {
	s := n.server
	if len(r.Method)+len(r.RequestURI)+len(" ")+len(" HTTP/1.1") > maxRequestLine {
		return nil, nginxPage(http.StatusRequestURITooLong)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, answer{cut: true}
	}
	if r.ContentLength > maxBody || len(body) > maxBody {
		return nil, nginxPage(http.StatusRequestEntityTooLarge)
	}
	if strings.ContainsRune(r.URL.Path, 0) {
		return nil, nginxPage(http.StatusBadRequest)
	}
	svc, path := n.locate(withoutDots(r.URL.Path))
	switch {
	case svc == nil && path == "/":
		return nil, n.withSlash(r)
	case svc == nil:
		s.counts.add(r.Method + " (unknown)")
		return nil, nginxPage(http.StatusNotFound)
	}
	rt, vars := svc.find(path)
	label := r.Method + " /api/" + svc.name + "(unknown)"
	if rt != nil {
		label = r.Method + " /api/" + svc.name + rt.pattern
	}
	s.counts.add(label)
	if s.faults.serviceDown(svc.name) {
		return svc, nginxPage(http.StatusBadGateway)
	}
	a := flaskNotFound()
	if rt != nil {
		a = rt.handle(&request{Request: r, route: label, body: body, vars: vars})
	}
	if s.tamper != nil {
		s.tamper(label, &a)
	}
	return svc, a
}

// withoutDots resolves "." and ".." in a path, also those that were escaped, as
// nginx does before it looks for a location.
func withoutDots(p string) string {
	if !slices.ContainsFunc(strings.Split(p, "/"), func(s string) bool { return s == "." || s == ".." }) {
		return p
	}
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..") {
		clean += "/"
	}
	return clean
}

// locate splits a path into service and path there. A service's name without
// anything behind it gives no service and "/".
func (n *nginx) locate(path string) (*service, string) {
	for _, svc := range n.server.services {
		rest, ok := strings.CutPrefix(path, "/api/"+svc.name)
		switch {
		case ok && rest == "":
			return nil, "/"
		case ok && rest[0] == '/':
			return svc, rest
		}
	}
	if path == "/api/websocketd" {
		return nil, "/"
	}
	return nil, ""
}

// withSlash is how nginx answers to a location without its trailing slash.
func (n *nginx) withSlash(r *http.Request) answer {
	target := *r.URL
	target.Scheme, target.Host, target.Path = n.server.scheme(), r.Host, r.URL.Path+"/"
	a := nginxPage(http.StatusMovedPermanently)
	a.header = http.Header{"Location": {target.String()}}
	return a
}

// nginxPage is one of nginx's own pages.
func nginxPage(status int) answer {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	if status == http.StatusRequestURITooLong {
		title = "414 Request-URI Too Large"
	}
	return answer{status: status, contentType: "text/html", body: fmt.Appendf(nil,
		"<html>\r\n<head><title>%[1]s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n"+
			"<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n", title)}
}

func send(w http.ResponseWriter, r *http.Request, poweredBy string, a answer) {
	header := w.Header()
	header.Set("Server", "nginx/1.22.1")
	header.Set("Access-Control-Allow-Origin", "*")
	if poweredBy == "wazo-auth" {
		header.Set("X-Powered-By", poweredBy)
	}
	for name, values := range a.header {
		header[name] = values
	}
	if a.contentType != "" {
		header.Set("Content-Type", a.contentType)
	}
	if a.status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client is gone: nobody to tell
	}
}
