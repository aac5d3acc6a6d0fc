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

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/words"
)

const (
	// mediaRequests is how many requests for files are answered at a time.
	mediaRequests = 128
	// readerPatience is how long a reader may take nothing of an answer, answerTime how long the whole may take.
	readerPatience = 30 * time.Second
	answerTime     = 30 * time.Minute
)

// Server serves the files of Matrix messages to people on Wazo, by links that nobody can guess. Make it with
// NewServer, mount its Handler, and Close it after the listener.
//
// What strangers sent is never shown as a page: types that can hold scripts are only offered to be saved, whatever the
// sender says they are, and everything else is shown in a sandbox that loads nothing.
type Server struct {
	db    *db.Database
	log   zerolog.Logger
	files *mediaFiles
	slots chan struct{}
}

// NewServer returns the server of the files that a database names and transfers download.
func NewServer(database *db.Database, transfers *Transfers, log zerolog.Logger) *Server {
	return &Server{db: database, log: log, files: newMediaFiles(transfers.download, &log), slots: make(chan struct{}, mediaRequests)}
}

// Close forgets the files at hand.
func (s *Server) Close() { s.files.close() }

// Handler serves GET and HEAD of <path>/<key>/<name>; nothing else is there.
func (s *Server) Handler(path string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"/{key}/{name}", s.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuseFile(w, http.StatusNotFound, words.FileGone) })
	return mux
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	media := s.lookUp(w, r)
	if media == nil {
		return
	}
	if !s.enter(ctx) {
		refuseFile(w, http.StatusServiceUnavailable, words.FileUnavailable)
		return
	}
	defer func() { <-s.slots }()
	file, err := s.files.open(ctx, media)
	if err != nil {
		s.failed(w, media, err)
		return
	}
	defer s.files.release(file)
	// It may have been redacted while it was fetched.
	if media = s.lookUp(w, r); media == nil {
		return
	}
	describeFile(w.Header(), media)
	http.ServeContent(&patientWriter{ResponseWriter: w, end: time.Now().Add(answerTime)}, r, "", time.Time{}, file.reader())
}

// lookUp returns the file that a request is for. If there is none it answers the request and returns nil.
// Nothing about the link is logged: it is a secret.
func (s *Server) lookUp(w http.ResponseWriter, r *http.Request) *db.Media {
	media, err := s.db.Media.ByKey(r.Context(), r.PathValue("key"), time.Now().UnixMilli())
	switch {
	case err != nil:
		s.log.Err(err).Msg("Failed to look up a file")
		refuseFile(w, http.StatusServiceUnavailable, words.FileUnavailable)
	case media == nil:
		refuseFile(w, http.StatusNotFound, words.FileGone)
	}
	return media
}

// enter waits until one more request may be answered. It reports false if that takes too long.
func (s *Server) enter(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, readerPatience)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// failed answers a request whose file cannot be had.
func (s *Server) failed(w http.ResponseWriter, media *db.Media, err error) {
	switch {
	case errors.Is(err, errFileGone):
		refuseFile(w, http.StatusNotFound, words.FileGone)
		return
	case errors.Is(err, errFileTooLarge):
		refuseFile(w, http.StatusBadGateway, words.FileTooLarge)
	case errors.Is(err, errFileDamaged):
		refuseFile(w, http.StatusBadGateway, words.FileDamaged)
	case errors.Is(err, errTooManyFiles):
		refuseFile(w, http.StatusServiceUnavailable, words.FileUnavailable)
	default:
		refuseFile(w, http.StatusBadGateway, words.FileUnavailable)
	}
	s.log.Warn().Err(err).Stringer("room_id", media.Room).Stringer("event_id", media.EventID).Msg("Failed to serve a file")
}

// refuseFile answers with a sentence instead of a file.
func refuseFile(w http.ResponseWriter, status int, sentence string) {
	protectFile(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if status == http.StatusServiceUnavailable || status == http.StatusBadGateway {
		w.Header().Set("Retry-After", "30")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence + "\n")) // the reader is gone: nothing to do
}

// protectFile sets what keeps a stranger's file from doing harm in a browser, and its address from being passed on.
func protectFile(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	// Browsers need the exceptions to show a picture or play a video by itself.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
}

// describeFile sets what a browser needs to know of a file.
func describeFile(h http.Header, media *db.Media) {
	protectFile(h)
	contentType, inline := servedType(media.MimeType)
	h.Set("Content-Type", contentType)
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": media.Name}))
	h.Set("Cache-Control", "private, max-age=3600") // no longer: the message may be redacted
	sum := sha256.Sum256([]byte(media.MXC))         // what is behind an mxc: never changes
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
}

// inlineTypes are shown by browsers without being able to do anything (client-server API, "Serving inline content").
var inlineTypes = []string{
	"image/jpeg", "image/gif", "image/png", "image/apng", "image/webp", "image/avif",
	"video/mp4", "video/webm", "video/ogg", "video/quicktime",
	"audio/mp4", "audio/webm", "audio/aac", "audio/mpeg", "audio/ogg", "audio/wave", "audio/wav", "audio/x-wav", "audio/flac", "audio/x-flac",
	"text/plain",
}

// servedType returns the type with which a file is served that its sender says is of another, and whether it is shown.
func servedType(said string) (contentType string, inline bool) {
	parsed, _, err := mime.ParseMediaType(said)
	if err != nil || !slices.Contains(inlineTypes, parsed) {
		return "application/octet-stream", false
	}
	if strings.HasPrefix(parsed, "text/") {
		parsed += "; charset=utf-8"
	}
	return parsed, true
}

// patientWriter gives a slow reader time as long as it reads.
type patientWriter struct {
	http.ResponseWriter
	end time.Time
}

// Write implements io.Writer.
func (w *patientWriter) Write(p []byte) (int, error) {
	deadline := time.Now().Add(readerPatience)
	if deadline.After(w.end) {
		deadline = w.end
	}
	// A writer without deadlines, as in tests, has none to miss.
	if err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}
