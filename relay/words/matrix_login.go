package words

import (
	"fmt"
	"time"
)

// How the bot is logged in on the homeserver. The status command shows these texts to administrators, after "my log-in".
const (
	LogInByToken    = "with the access token in `MATRIX_ACCESS_TOKEN`; if it ends, I cannot renew it"
	LogInByPassword = "with the password"
	LogInByBrowser  = "by a browser (`wazo-matrix-relay login`)"
)

// MatrixLogIn is what the status command shows administrators of the bot's log-in on the homeserver.
type MatrixLogIn struct {
	Kind      string        // one of the texts that begin with LogInBy
	Renewable bool          // there is a refresh token
	Valid     time.Duration // for how long the access token is valid yet; 0: that is not known; negative: it has expired
	Failures  int           // how often renewing it has failed since it last succeeded
	Ended     bool          // the homeserver does not renew it any more
}

func (l *MatrixLogIn) render() string {
	switch {
	case l.Ended:
		return l.Kind + "; **it has ended**, and the homeserver does not renew it any more"
	case l.Kind == LogInByToken:
		return l.Kind
	case !l.Renewable:
		return l.Kind + "; the access token does not expire by itself"
	}
	text := l.Kind + "; I renew the access token by myself"
	switch {
	case l.Valid > 0:
		text += fmt.Sprintf(", and the present one is valid for %s", roundedDown(l.Valid))
	case l.Valid < 0:
		text += ", but the present one has expired"
	}
	switch {
	case l.Failures == 1:
		text += "; **renewing it has failed**, and I try again (the log says why)"
	case l.Failures > 1:
		text += fmt.Sprintf("; **renewing it has failed** %d times in a row, and I try again (the log says why)", l.Failures)
	}
	return text
}
