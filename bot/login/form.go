package login

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxBody is the longest form that is read, in bytes.
const maxBody = 8 << 10

var errBadForm = errors.New("the form cannot be read")

// form is what a browser sent.
type form struct {
	token, username, domain string
	password                []byte
}

// readForm reads the form of a request. It does so itself, because net/http keeps all values as strings, which cannot
// be overwritten. Whoever has the form overwrites its password.
func readForm(r *http.Request) (*form, error) {
	if contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || contentType != "application/x-www-form-urlencoded" {
		return nil, errBadForm
	}
	body := make([]byte, maxBody+1)
	defer clear(body)
	n, err := io.ReadFull(r.Body, body)
	if err == nil || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errBadForm // too long, or the browser hung up
	}
	f := &form{}
	for field := range bytes.SplitSeq(body[:n], []byte("&")) {
		name, encoded, _ := bytes.Cut(field, []byte("="))
		value, ok := decode(encoded)
		if !ok {
			clear(value)
			clear(f.password)
			return nil, errBadForm
		}
		switch string(name) {
		case "token":
			f.token = string(value)
		case "username":
			f.username = strings.TrimSpace(string(value))
		case "domain":
			f.domain = strings.TrimSpace(string(value))
		case "password":
			clear(f.password)
			f.password = value
		}
	}
	return f, nil
}

// decode takes the percent encoding out of a value. It reports whether the value is valid UTF-8 in valid encoding.
func decode(encoded []byte) (value []byte, ok bool) {
	value = make([]byte, 0, len(encoded)) // never grows: that would leave a copy behind
	for i := 0; i < len(encoded); i++ {
		switch c := encoded[i]; c {
		case '+':
			value = append(value, ' ')
		case '%':
			if i+2 >= len(encoded) {
				return value, false
			}
			high, low := hexDigit(encoded[i+1]), hexDigit(encoded[i+2])
			if high < 0 || low < 0 {
				return value, false
			}
			value = append(value, byte(high<<4|low))
			i += 2
		default:
			value = append(value, c)
		}
	}
	return value, utf8.Valid(value)
}

// hexDigit returns the value of a hexadecimal digit, -1 for anything else.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}
