package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

const (
	// maxRequests is how many requests for files are answered at a time.
	maxRequests = 128
	// slotTimeout is how long a request waits until fewer than maxRequests are being answered.
	slotTimeout = 30 * time.Second
	// writeTimeout is how long a reader may take nothing of an answer.
	writeTimeout = 30 * time.Second
	// responseTimeout is how long a whole answer may take.
	responseTimeout = 30 * time.Minute
)

// Server serves the files of Matrix messages to people on Wazo, by links that nobody can guess. Make it with NewServer,
// mount its Handler, and Close it after the listener.
//
// A file is never shown as a page: types that can hold scripts can only be saved, whatever the sender says about the
// type. All others are shown in a sandbox that loads nothing.
type Server struct {
	db    *db.Database
	texts words.Texts
	log   zerolog.Logger
	files *fileCache
	slots chan struct{} // holds one value for each request that is being answered
}

// NewServer returns the server of the files that a database lists. It gets them by transfers, and speaks to people in
// texts.
func NewServer(database *db.Database, transfers *Transfers, texts words.Texts, log zerolog.Logger) *Server {
	return &Server{db: database, texts: texts, log: log, files: newFileCache(transfers.download, &log), slots: make(chan struct{}, maxRequests)}
}

// Close ends all downloads and closes all files. The listener must be closed before.
func (s *Server) Close() { s.files.close() }

// Handler returns a handler that serves GET and HEAD of <path>/<key>/<name>. The name is for people and means nothing.
// All other requests are answered as if their file was gone.
func (s *Server) Handler(path string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"/{key}/{name}", s.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { s.writeSentence(w, http.StatusNotFound, words.FileGone) })
	return mux
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	media := s.lookUp(w, r)
	if media == nil {
		return
	}
	if !s.acquireSlot(ctx) {
		s.writeSentence(w, http.StatusServiceUnavailable, words.FileUnavailable)
		return
	}
	defer func() { <-s.slots }()
	file, err := s.files.open(ctx, media)
	if err != nil {
		s.writeError(w, media, err)
		return
	}
	defer s.files.release(file)
	// The message may have been redacted while its file was downloaded.
	if media = s.lookUp(w, r); media == nil {
		return
	}
	setFileHeaders(w.Header(), media)
	http.ServeContent(&deadlineWriter{ResponseWriter: w, end: time.Now().Add(responseTimeout)}, r, "", time.Time{}, file.reader())
}

// lookUp returns the file that a request asks for. If there is none, it answers the request and returns nil. The link
// is a secret, so nothing of it is logged.
func (s *Server) lookUp(w http.ResponseWriter, r *http.Request) *db.Media {
	media, err := s.db.Media.ByKey(r.Context(), r.PathValue("key"), jsontime.UM(time.Now()))
	switch {
	case err != nil:
		s.log.Err(err).Msg("Failed to look up a file")
		s.writeSentence(w, http.StatusServiceUnavailable, words.FileUnavailable)
	case media == nil:
		s.writeSentence(w, http.StatusNotFound, words.FileGone)
	}
	return media
}

// acquireSlot waits until one more request may be answered. It reports false if that takes too long, or if ctx ends.
func (s *Server) acquireSlot(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, slotTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// writeError answers a request whose file cannot be read, and logs why unless the file is gone.
func (s *Server) writeError(w http.ResponseWriter, media *db.Media, err error) {
	switch {
	case errors.Is(err, errFileGone):
		s.writeSentence(w, http.StatusNotFound, words.FileGone)
		return
	case errors.Is(err, errFileTooLarge):
		s.writeSentence(w, http.StatusBadGateway, words.FileTooLarge)
	case errors.Is(err, errFileDamaged):
		s.writeSentence(w, http.StatusBadGateway, words.FileDamaged)
	case errors.Is(err, errTooManyFiles):
		s.writeSentence(w, http.StatusServiceUnavailable, words.FileUnavailable)
	default:
		s.writeSentence(w, http.StatusBadGateway, words.FileUnavailable)
	}
	s.log.Warn().Err(err).Stringer("room_id", media.Room).Stringer("event_id", media.EventID).Msg("Failed to serve a file")
}

// writeSentence answers with a sentence instead of a file.
func (s *Server) writeSentence(w http.ResponseWriter, status int, sentence words.Phrase) {
	setSecurityHeaders(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if status == http.StatusServiceUnavailable || status == http.StatusBadGateway {
		w.Header().Set("Retry-After", "30")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s.texts.Say(sentence) + "\n")) // if the reader is gone, there is nothing to do
}

// setSecurityHeaders keeps a stranger's file from doing harm in a browser, and its address from being passed on.
func setSecurityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	// Browsers need the exceptions to show a picture or play a video by itself.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
}

// setFileHeaders tells a browser what it needs to know about a file.
func setFileHeaders(h http.Header, media *db.Media) {
	setSecurityHeaders(h)
	contentType, inline := servedType(media.MimeType)
	h.Set("Content-Type", contentType)
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": media.Name}))
	h.Set("Cache-Control", "private, max-age=3600") // not longer, since the message may be redacted
	sum := sha256.Sum256([]byte(media.MXC))         // the content of an mxc URI never changes
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
}

// inlineTypes are the types that browsers can show without running anything in them (Matrix client-server API, "Serving
// inline content").
var inlineTypes = []string{
	"image/jpeg", "image/gif", "image/png", "image/apng", "image/webp", "image/avif",
	"video/mp4", "video/webm", "video/ogg", "video/quicktime",
	"audio/mp4", "audio/webm", "audio/aac", "audio/mpeg", "audio/ogg", "audio/wave", "audio/wav", "audio/x-wav", "audio/flac", "audio/x-flac",
	"text/plain",
}

// servedType returns the type with which a file is served, given the type that its sender claims, and whether a browser
// shows it.
func servedType(claimed string) (contentType string, inline bool) {
	parsed, _, err := mime.ParseMediaType(claimed)
	if err != nil || !slices.Contains(inlineTypes, parsed) {
		return "application/octet-stream", false
	}
	if strings.HasPrefix(parsed, "text/") {
		parsed += "; charset=utf-8"
	}
	return parsed, true
}

// deadlineWriter moves the deadline of an answer on with each write, so that a reader may be slow as long as it reads.
type deadlineWriter struct {
	http.ResponseWriter
	end time.Time // of the whole answer
}

// Write implements io.Writer.
func (w *deadlineWriter) Write(p []byte) (int, error) {
	deadline := time.Now().Add(writeTimeout)
	if deadline.After(w.end) {
		deadline = w.end
	}
	// A writer without deadlines, as in tests, cannot miss one.
	if err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}
