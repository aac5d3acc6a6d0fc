package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// keyBytes is how long the secrets of links, browsers and forms are. None can be guessed.
const keyBytes = 32

// keptAfterEnd is how long it is remembered what became of a link, to tell people.
const keptAfterEnd = time.Hour

// secret is a random text of hexadecimal digits, as it stands in an address, a cookie or a form.
type secret string

func newSecret() secret {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // never fails
	return secret(hex.EncodeToString(random))
}

// isSecret reports whether a text that somebody sent has the form of a secret.
func isSecret(text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && len(decoded) == keyBytes
}

// digest is what the relay keeps of a secret.
type digest [sha256.Size]byte

func (s secret) digest() digest { return sha256.Sum256([]byte(s)) }

// links are the links by which people log in. They are kept in memory, so a restart ends them.
type links struct {
	mu     sync.Mutex
	byKey  map[digest]*link
	byUser map[id.UserID]*link // the newest one, which alone works
	now    func() time.Time

	formKey []byte // signs the tokens of forms
}

// link is a link for one person.
type link struct {
	user   id.UserID
	key    digest
	endsAt time.Time

	trying chan struct{} // holds a value while somebody tries

	mu       sync.Mutex
	replaced bool   // the person has a newer link
	browser  digest // that sent the form first; only it may go on
	tries    int
	ended    bool            // the last try failed for good
	done     *relay.LoggedIn // the log-in that succeeded
	problem  string          // why the last try failed, Markdown
	username string          // as typed for the last try
	domain   string          // as typed for the last try
}

func newLinks(now func() time.Time) *links {
	return &links{byKey: make(map[digest]*link), byUser: make(map[id.UserID]*link), now: now, formKey: []byte(newSecret())}
}

// add makes a link for a person and ends the one that they had. It returns the secret in its address.
func (l *links) add(user id.UserID) secret {
	key := newSecret()
	added := &link{user: user, key: key.digest(), endsAt: l.now().Add(Life), trying: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.byKey, func(_ digest, old *link) bool { return l.now().After(old.endsAt.Add(keptAfterEnd)) })
	maps.DeleteFunc(l.byUser, func(_ id.UserID, old *link) bool { return l.now().After(old.endsAt.Add(keptAfterEnd)) })
	if old := l.byUser[user]; old != nil {
		old.mu.Lock()
		old.replaced = true
		old.mu.Unlock()
	}
	l.byKey[added.key], l.byUser[user] = added, added
	return key
}

// find returns the link with a secret in its address, nil if there is none.
func (l *links) find(key string) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[secret(key).digest()]
}

// formToken is what stands in the form of a link for a browser. Nobody can make it who does not know both secrets.
func (l *links) formToken(key digest, browser secret) string {
	mac := hmac.New(sha256.New, l.formKey)
	mac.Write(key[:])
	mac.Write([]byte(browser))
	return hex.EncodeToString(mac.Sum(nil))
}

// linkState is what somebody with a link may do.
type linkState int

const (
	linkOpen    linkState = iota // the form can be sent
	linkInvalid                  // expired, or replaced by a newer one
	linkDone                     // this browser has logged in by it
	linkUsed                     // another browser has logged in by it
	linkEnded                    // no name or password would help, see problem
	linkTries                    // too many tries
	linkOther                    // another browser has sent the form first
)

// state returns what a browser, "" for one without cookie, may do with a link. The lock must be held.
func (l *link) state(browser secret, now time.Time) linkState {
	own := l.browser == (digest{}) || browser != "" && l.browser == browser.digest()
	switch {
	case l.done != nil && own:
		return linkDone
	case l.done != nil:
		return linkUsed
	case !own:
		return linkOther
	case l.tries >= maxTries:
		return linkTries
	case l.ended:
		return linkEnded
	case l.replaced || now.After(l.endsAt):
		return linkInvalid
	default:
		return linkOpen
	}
}
