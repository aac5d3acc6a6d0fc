package words

import "time"

// How the bot is logged in on the homeserver. The status command shows these texts to administrators, after "my
// log-in".
const (
	LogInByToken    Phrase = "with the access token in `MATRIX_ACCESS_TOKEN`; if it ends, I cannot renew it"
	LogInByPassword Phrase = "with the password"
	LogInByBrowser  Phrase = "by a browser (`wazo-matrix-relay login`)"
)

// MatrixLogIn is what the status command shows administrators of the bot's log-in on the homeserver.
type MatrixLogIn struct {
	Kind      Phrase        // one of the texts that begin with LogInBy
	Renewable bool          // there is a refresh token
	Valid     time.Duration // for how long the access token is valid yet; 0: that is not known; negative: it has expired
	Failures  int           // how often renewing it has failed since it last succeeded
	Ended     bool          // the homeserver does not renew it any more
}

func (t Texts) matrixLogIn(l *MatrixLogIn) string {
	kind := t.Say(l.Kind)
	switch {
	case l.Ended:
		return t.list(kind, t.say("**it has ended**, and the homeserver does not renew it any more"))
	case l.Kind == LogInByToken:
		return kind
	case !l.Renewable:
		return t.list(kind, t.say("the access token does not expire by itself"))
	}
	renewal := t.say("I renew the access token by myself")
	switch {
	case l.Valid > 0:
		renewal = t.say("I renew the access token by myself, and the present one is valid for %s", t.lasting(l.Valid))
	case l.Valid < 0:
		renewal = t.say("I renew the access token by myself, but the present one has expired")
	}
	switch {
	case l.Failures == 1:
		return t.list(kind, renewal, t.say("**renewing it has failed**, and I try again (the log says why)"))
	case l.Failures > 1:
		return t.list(kind, renewal, t.say("**renewing it has failed** %d times in a row, and I try again (the log says why)", l.Failures))
	}
	return t.list(kind, renewal)
}
