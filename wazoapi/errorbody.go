package wazoapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"go.mau.fi/util/retryafter"
)

// maxErrorText is how much of a server's text an error keeps, in runes.
const maxErrorText = 300

// newError builds the Error of an answer. It is the only place where the body
// of a failure is looked at, so it is here that secrets are taken out.
func newError(r request, status int, header http.Header, body []byte) *Error {
	hide := r.secrets()
	e := parseErrorBody(body, hide)
	e.Status = status
	e.Method = r.method
	e.Path = r.redactedPath()
	e.Refresh = r.refresh != ""
	e.plugin = r.plugin
	e.noPlugin = r.plugin && !isPluginAnswer(r.method, status, json.Valid(body))
	e.RetryAfter = retryafter.Parse(header.Get("Retry-After"), 0)
	if e.Message == "" {
		e.Message = describeBody(status, body)
	}
	return e
}

// errorBody takes three shapes of errors: that of wazo-auth's token routes
// ("reason"; docs/wazo.md, "Errors of wazo-auth"), that of chatd and most other
// services ("message", "error_id", "details"; docs/wazo.md, "Errors of chatd")
// and that of web frameworks ("message" only). confd's lists of texts are not
// read.
type errorBody struct {
	Message json.RawMessage `json:"message"`
	ErrorID json.RawMessage `json:"error_id"`
	Reason  json.RawMessage `json:"reason"`
	Details json.RawMessage `json:"details"`
}

func parseErrorBody(body []byte, hide secrets) *Error {
	var parsed errorBody
	if json.Unmarshal(body, &parsed) != nil {
		return &Error{}
	}
	e := &Error{
		ID:      errorText(parsed.ErrorID, hide),
		Message: errorText(parsed.Message, hide),
	}
	if e.Message == "" {
		e.Message = errorText(parsed.Reason, hide)
	}
	var details map[string]any
	if json.Unmarshal(parsed.Details, &details) == nil && details != nil {
		e.Details = hide.redactMap(details)
	}
	reason, _ := e.Details["reason"].(string)
	e.Reason = oneLine(reason)
	return e
}

// errorText returns a JSON string, or the first string of a JSON list, as one
// short line; "" for anything else.
func errorText(raw json.RawMessage, hide secrets) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		var list []string
		if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			return ""
		}
		text = list[0]
	}
	return oneLine(hide.redact(text))
}

// describeBody says in words what an answer without a message was. It never
// quotes it: an error body of an unknown form may contain tokens.
func describeBody(status int, body []byte) string {
	text := http.StatusText(status)
	if text == "" {
		text = "unknown status"
	}
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
		return text + " (empty answer)"
	case trimmed[0] == '<':
		return text + " (HTML page)"
	default:
		return fmt.Sprintf("%s (answer of %d bytes without a message)", text, len(body))
	}
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxErrorText {
		s = string(runes[:maxErrorText]) + "…"
	}
	return strings.TrimSpace(s)
}
