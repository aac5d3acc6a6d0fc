package app

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"

	"github.com/rs/zerolog"

	"wazo-matrix-relay/internal/metrics"
	"wazo-matrix-relay/relay/words"
)

// role is what a relay is among those that are started on one database.
type role string

// The roles. A relay on SQLite is always the active one.
const (
	roleActive  role = "active"
	roleStandby role = "stand-by"
)

// adminSite is the local listener over the life of a process. A relay that relays from its start opens the listener
// when it is ready. A stand-by opens it when it begins to wait, because nobody could see otherwise that it lives.
type adminSite struct {
	cfg    *config
	server *webServer // nil: it is not open yet
	now    atomic.Pointer[http.Handler]
}

// ServeHTTP implements http.Handler.
func (a *adminSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*a.now.Load()).ServeHTTP(w, r)
}

func (a *adminSite) show(handler http.Handler) { a.now.Store(&handler) }

// standBy opens the listener for a relay that waits for another one.
func (a *adminSite) standBy(log zerolog.Logger) error {
	counted := metrics.New(buildInfo())
	a.show(idleHandler(health{Role: roleStandby}, words.StandBy, a.texts(), counted))
	server, err := listenAdmin(a.cfg, a)
	if err != nil {
		return err
	}
	a.server = server
	log.Info().Str("version", version()).Str("database", "PostgreSQL").Msg("Stand-by: another relay is active on this database; waiting to take over")
	return nil
}

// takeOver shows that a relay that was a stand-by begins to work.
func (a *adminSite) takeOver(p *parts, log zerolog.Logger) {
	if a.server == nil {
		return
	}
	a.show(idleHandler(health{Role: roleActive}, words.TakingOver, a.texts(), p.metrics))
	log.Info().Msg("No other relay is active on this database any more; taking over")
}

// serve shows the state of a relay that works. It opens the listener if it is not open.
func (a *adminSite) serve(p *parts) (err error) {
	a.show(adminHandler(p))
	if a.server == nil {
		a.server, err = listenAdmin(a.cfg, a)
	}
	return err
}

func (a *adminSite) close(log zerolog.Logger) {
	if a.server != nil {
		a.server.close(log)
	}
}

func (a *adminSite) texts() words.Texts { return words.Texts{}.In(words.Language(a.cfg.Language)) }

// idleHandler is adminHandler for a relay that does not relay yet: the process works, and nobody must expect anything
// of it.
func idleHandler(h health, why words.Phrase, texts words.Texts, counted *metrics.Metrics) http.Handler {
	h.LastSyncAgeMS, h.Why = -1, []string{texts.Say(why)}
	return handlerOf(func() bool { return true }, func(context.Context) health { return h }, counted)
}

// buildInfo says what the program is made of.
func buildInfo() metrics.Build {
	return metrics.Build{Version: version(), Commit: commit(), Go: runtime.Version()}
}
