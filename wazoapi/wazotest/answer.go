package wazotest

import (
	"net/http"
	"time"
)

// answer is what a handler gives back.
type answer struct {
	status      int
	contentType string
	header      http.Header
	body        []byte

	delay time.Duration // waits before it is sent
	cut   bool          // is not sent: the connection is closed instead
}

func jsonAnswer(status int, v any) answer {
	return answer{status: status, contentType: "application/json", body: append(mustJSON(v), '\n')}
}

// noContent is the 204 of the Flask services, which keeps a content type.
func noContent() answer {
	return answer{status: http.StatusNoContent, contentType: "application/json"}
}

// messageError is the error of Flask itself: {"message": …}.
func messageError(status int, message string) answer {
	return jsonAnswer(status, object{{"message", message}})
}

func internalError() answer {
	return messageError(http.StatusInternalServerError, "Internal Server Error")
}

func badRequest() answer {
	return messageError(http.StatusBadRequest, "The browser (or proxy) sent a request that this server could not understand.")
}

// refusedText is what the database makes of NUL and lone surrogates: 500
// without a body (docs/wazo.md, "Text that chatd refuses").
func refusedText() answer {
	return answer{status: http.StatusInternalServerError, contentType: "text/plain"}
}

// apiError is the JSON error of most services
// (docs/wazo.md, "Errors of chatd").
func (s *Server) apiError(status int, id, message string, details object, resource string) answer {
	if details == nil {
		details = object{}
	}
	body := object{{"message", message}, {"error_id", id}, {"details", details}, {"timestamp", epoch(s.now())}}
	if resource != "" {
		body = append(body, field{"resource", resource})
	}
	return jsonAnswer(status, body)
}

func (s *Server) invalidData(details object) answer {
	return s.apiError(http.StatusBadRequest, "invalid-data", "Sent data is invalid", details, "")
}

// reasonError is the old shape of errors, of wazo-auth's token routes and some
// of dird's (docs/wazo.md, "Errors of wazo-auth").
func (s *Server) reasonError(status int, reason string) answer {
	return jsonAnswer(status, object{
		{"reason", []string{reason}}, {"timestamp", []epoch{epoch(s.now())}}, {"status_code", status},
	})
}

// legacyError is reasonError with a bare timestamp, which dird's oldest routes
// send when the token is refused.
func (s *Server) legacyError(status int, reason string) answer {
	return jsonAnswer(status, object{
		{"reason", []string{reason}}, {"timestamp", epoch(s.now())}, {"status_code", status},
	})
}

func flaskNotFound() answer {
	return answer{status: http.StatusNotFound, contentType: "text/html; charset=utf-8", body: []byte(
		"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n" +
			"<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>\n")}
}
