package login

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/internal/ratelimit"
	"wazo-matrix-relay/relay"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// contentPolicy allows a browser nothing but the page's own style sheet and its own form.
var contentPolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}()

// Page is where people log in with a browser. Make it with Logins.Page.
type Page struct {
	*Logins
	path   string // of all links, without / at the end
	origin string // scheme, host and port as browsers send them
	host   string // host and port as browsers send them
	cookie string // its name
	secure bool
}

var _ http.Handler = (*Page)(nil)

// Page returns the page at an address, at which people reach the relay. It has no / at its end. The links are at
// <address>/<secret>.
func (l *Logins) Page(address *url.URL) *Page {
	p := &Page{Logins: l, path: address.Path, secure: address.Scheme == "https"}
	p.host = bareHost(address.Host, address.Scheme)
	p.origin = address.Scheme + "://" + p.host
	// A browser takes a cookie with this prefix only from this host and over https, so no neighbour can set it.
	p.cookie = "wazo-relay-login"
	if p.secure {
		p.cookie = "__Host-" + p.cookie
	}
	return p
}

// Path is the path below which all links are, with / at its end.
func (p *Page) Path() string { return p.path + "/" }

// bareHost is a host as browsers send it: in lower case, and with the port only if that is not the usual one.
func bareHost(host, scheme string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// Link makes a link for a person, and ends the one that they had. It works for Life.
func (p *Page) Link(user id.UserID) string {
	return p.origin + p.path + "/" + string(p.links.add(user))
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.setHeaders(w.Header())
	if !strings.EqualFold(bareHost(r.Host, p.scheme()), p.host) {
		p.log.Warn().Str("host", r.Host).Str("hint", "The reverse proxy must pass the header Host on, see docs/administration.md").Msg("Refused a request for the log-in page at another host")
		p.writeSentence(w, http.StatusMisdirectedRequest, words.LoginPageHost)
		return
	}
	key, ok := strings.CutPrefix(r.URL.Path, p.path+"/")
	link := p.links.find(key)
	switch {
	case !ok || link == nil:
		p.writeSentence(w, http.StatusNotFound, words.LoginPageInvalid)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		p.show(w, r, link)
	case r.Method == http.MethodPost:
		p.logIn(w, r, link)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.writeSentence(w, http.StatusMethodNotAllowed, words.LoginPageBad)
	}
}

func (p *Page) scheme() string {
	if p.secure {
		return "https"
	}
	return "http"
}

func (p *Page) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cache-Control", "no-store")
	// Only this page itself may learn its address. With no-referrer, browsers would hide the origin of the form, too.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// show shows a link: the form, or what became of it. It changes nothing: programs that preview links may ask for it.
func (p *Page) show(w http.ResponseWriter, r *http.Request, link *link) {
	browser := p.browser(r)
	link.mu.Lock()
	state, view := link.state(browser, p.now()), p.view(link)
	link.mu.Unlock()
	switch state {
	case linkOpen:
		if browser == "" {
			browser = newSecret()
			p.setCookie(w, browser)
		}
		view.Form, view.Title, view.Action, view.Token = true, words.LoginFormTitle, r.URL.Path, p.links.formToken(link.key, browser)
		p.write(w, http.StatusOK, view)
	case linkDone:
		view.Done, view.Title, view.Problem = true, words.LoginFormDone, nil
		p.write(w, http.StatusOK, view)
	case linkEnded:
		view.Title = words.LoginFormRefused
		p.write(w, http.StatusNotFound, view)
	default:
		p.writeState(w, state)
	}
}

// logIn logs in by what a form contains. The answer sends the browser back to the page, so that a reload repeats
// nothing.
func (p *Page) logIn(w http.ResponseWriter, r *http.Request, link *link) {
	if !p.isOwnOrigin(r) {
		p.writeSentence(w, http.StatusForbidden, words.LoginPageForged)
		return
	}
	form, err := readForm(r)
	if err != nil {
		p.writeSentence(w, http.StatusBadRequest, words.LoginPageBad)
		return
	}
	defer clear(form.password)
	browser := p.browser(r)
	if browser == "" || !hmac.Equal([]byte(form.token), []byte(p.links.formToken(link.key, browser))) {
		p.writeSentence(w, http.StatusForbidden, words.LoginPageForged)
		return
	}
	select {
	case link.trying <- struct{}{}: // the same form may be sent twice
		defer func() { <-link.trying }()
	case <-r.Context().Done():
		return
	}
	if state := p.begin(link, browser); state == linkOpen {
		p.try(r.Context(), link, ratelimit.Address(r), form)
	} else if state != linkDone && state != linkEnded {
		p.writeState(w, state)
		return
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

// begin counts a try by a link for a browser, which from now on alone may use the link. It returns linkOpen if that is
// possible.
func (p *Page) begin(link *link, browser secret) linkState {
	link.mu.Lock()
	defer link.mu.Unlock()
	state := link.state(browser, p.now())
	if state == linkOpen {
		link.browser = browser.digest()
		link.tries++
	}
	return state
}

// try tries to log in with what a form contains, and notes at the link what became of it. It goes on if the browser
// hangs up: what has begun on Wazo is to be stored.
func (p *Page) try(ctx context.Context, link *link, address string, form *form) {
	loggedIn, failed := p.attempt(context.WithoutCancel(ctx), link.user, address, relay.LogInRequest{Username: form.username, Password: form.password, Domain: form.domain})
	link.mu.Lock()
	defer link.mu.Unlock()
	link.username, link.domain = cut(form.username, maxName), cut(form.domain, maxDomain)
	if failed != nil {
		link.problem, link.ended = failed.words, failed.final
		return
	}
	link.done, link.problem = &loggedIn, ""
}

// cut shortens a text that is shown again.
func cut(text string, most int) string {
	if len(text) > most {
		return ""
	}
	return text
}

// isOwnOrigin reports whether a form comes from this page, by what the browser says. All browsers say one or the other.
func (p *Page) isOwnOrigin(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && origin == "" || site != "" && site != "same-origin" {
		return false
	}
	return origin == "" || strings.EqualFold(origin, p.origin)
}

// browser returns the secret in the cookie of a request, "" if there is none.
func (p *Page) browser(r *http.Request) secret {
	cookie, err := r.Cookie(p.cookie)
	if err != nil || !isSecret(cookie.Value) {
		return ""
	}
	return secret(cookie.Value)
}

// setCookie gives a browser a secret. SameSite is Lax, and not Strict: a browser in which somebody follows the link in
// a web client for the second time would not send a strict cookie, and would seem to be another browser. Forms of other
// sites come without it in both cases.
func (p *Page) setCookie(w http.ResponseWriter, browser secret) {
	http.SetCookie(w, &http.Cookie{Name: p.cookie, Value: string(browser), Path: "/", Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// view is what the page shows.
type view struct {
	words.Texts

	Title, Sentence     words.Phrase
	Style               template.CSS
	Form, Done          bool
	User, Action, Token string
	As                  words.WazoUser // who is logged in
	Username, Domain    string
	Problem             []span
}

// Spans takes a sentence apart for the template.
func (view) Spans(markdown string) []span { return spans(markdown) }

// view returns what is known of a link. The lock of the link must be held.
func (p *Page) view(link *link) view {
	v := view{Texts: p.texts, User: shown(link.user.String()), Username: link.username, Domain: link.domain, Problem: spans(link.problem)}
	if link.done != nil {
		v.As = words.WazoUser{Name: shown(link.done.As.Name), Username: shown(link.done.As.Username)}
	}
	return v
}

// shown is a name as the page shows it: nothing in it may turn the direction of the text, fill the page or be
// invisible.
func shown(name string) string { return convert.CleanName(name, convert.MaxProfileBytes) }

func (p *Page) writeState(w http.ResponseWriter, state linkState) {
	sentence := words.LoginPageInvalid
	switch state {
	case linkUsed, linkDone:
		sentence = words.LoginPageUsed
	case linkTries:
		sentence = words.LoginPageTries
	case linkOther:
		sentence = words.LoginPageOther
	}
	p.writeSentence(w, http.StatusNotFound, sentence)
}

func (p *Page) writeSentence(w http.ResponseWriter, status int, sentence words.Phrase) {
	p.write(w, status, view{Texts: p.texts, Title: words.LoginFormRefused, Sentence: sentence})
}

func (p *Page) write(w http.ResponseWriter, status int, v view) {
	v.Style = template.CSS(pageStyle)
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, v); err != nil {
		p.log.Err(err).Msg("Failed to make the log-in page")
		http.Error(w, p.texts.Say(words.LoginPageBad), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(page.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // if the browser is gone, there is nothing to do
}

// span is a piece of a sentence as the page shows it.
type span struct {
	Text         string
	Code, Strong bool
}

// marked matches what package words marks in its sentences: code, and what is in bold type.
var marked = regexp.MustCompile("`[^`]*`|\\*\\*(?:[^\\\\*]|\\\\.)*\\*\\*|(?:[^`*\\\\]|\\\\.)+|.")

// spans takes a sentence of package words apart. The template quotes what is in it.
func spans(markdown string) (all []span) {
	for _, part := range marked.FindAllString(markdown, -1) {
		switch {
		case len(part) >= 2 && part[0] == '`':
			all = append(all, span{Text: strings.Trim(part, "`"), Code: true})
		case len(part) > 4 && strings.HasPrefix(part, "**"):
			all = append(all, span{Text: words.Unescape(part[2 : len(part)-2]), Strong: true})
		default:
			all = append(all, span{Text: words.Unescape(part)})
		}
	}
	return all
}
