package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/relay/words"
)

// webServer is one listener of the relay: the local one for health, or the public one for files, for logging in and for
// Wazo's events.
type webServer struct {
	server *http.Server
	done   chan error
}

// listen serves at a host and port until close. It cuts off slow requests; a handler limits its own answers.
func listen(address string, handler http.Handler) (*webServer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	w := &webServer{done: make(chan error, 1), server: &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}
	go func() { w.done <- w.server.Serve(listener) }()
	return w, nil
}

// close ends the listener and all of its requests.
func (w *webServer) close(log zerolog.Logger) {
	err := w.server.Close()
	if serveErr := <-w.done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	if err != nil {
		log.Err(err).Msg("Failed to stop a listener")
	}
}

// listenAdmin opens the local listener.
func listenAdmin(cfg *config, handler http.Handler) (*webServer, error) {
	server, err := listen(string(cfg.AdminListen), handler)
	if err != nil {
		return nil, hint(err, "set ADMIN_LISTEN to an address of this machine with a free port, like 127.0.0.1:8081")
	}
	return server, nil
}

// listenPublic opens the listener for files, for the log-in page and for the webhook, if there is a PUBLIC_URL, and
// returns what closes it.
func listenPublic(cfg *config, p *parts, log zerolog.Logger) (closeAll func(), err error) {
	if !cfg.PublicURL.isSet() {
		return func() {}, nil
	}
	media := p.matrix.MediaServer()
	mux := http.NewServeMux()
	mux.Handle("/", media.Handler(cfg.PublicURL.path+mediaPath))
	mux.HandleFunc("GET "+cfg.PublicURL.path+"/{$}", about(words.Texts{}.In(words.Language(cfg.Language))))
	page := p.matrix.LoginPage()
	mux.Handle(page.Path(), page)
	if webhook := p.core.Webhook(); webhook != nil {
		mux.Handle(cfg.PublicURL.path+hookPath+"/", webhook.Handler(cfg.PublicURL.path+hookPath))
	}
	server, err := listen(string(cfg.Listen), mux)
	if err != nil {
		media.Close()
		return nil, hint(err, "set LISTEN to an address of this machine with a free port, like 0.0.0.0:8080")
	}
	return func() {
		server.close(log)
		media.Close()
	}, nil
}

// about says what answers at PUBLIC_URL itself. An OAuth 2.0 provider leads there whoever is asked to approve a log-in
// of the bot.
func about(texts words.Texts) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = fmt.Fprintln(w, texts.Say(words.AboutRelay)) // the asker is gone: nothing to do
	}
}
