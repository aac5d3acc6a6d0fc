package device

import (
	"time"

	"wazo-matrix-relay/relay/words"
)

// LogInStatus describes the log-in for an administrator. It may be called at any time after Prepare.
func (m *Manager) LogInStatus() words.MatrixLogIn {
	status := words.MatrixLogIn{Kind: words.LogInByToken}
	if kind := m.logInKind.Load(); kind != nil {
		status.Kind = *kind
	}
	s := m.transport.session.Load()
	if s == nil {
		return status
	}
	state := s.State()
	status.Renewable, status.Failures, status.Ended = true, state.Failures, state.Ended
	if !state.Expires.IsZero() {
		status.Valid = time.Until(state.Expires)
	}
	return status
}

// noteLogIn notes of which kind a log-in is that is used from now on.
func (m *Manager) noteLogIn(kept keptLogin) {
	kind := words.LogInByPassword
	switch {
	case kept.isOAuth():
		kind = words.LogInByBrowser
	case kept.AccessToken == "":
		kind = words.LogInByToken
	}
	m.logInKind.Store(&kind)
}
