package relay

import (
	"fmt"
	"strings"

	"go.mau.fi/util/glob"
	"maunium.net/go/mautrix/id"
)

// Rights says who may do what on Matrix. Patterns are globs over user ids, like @*:example.org.
type Rights struct {
	admins, allowed, ignored []glob.Glob
	named                    []id.UserID // administrators whose whole user id is known
	ignoredPatterns          []string    // of which ignored is compiled
}

// NewRights compiles the patterns. Without allowed patterns only admins are allowed.
// It returns an error for a pattern that cannot match any user id.
func NewRights(admins, allowed, ignored []string) (Rights, error) {
	if len(allowed) == 0 {
		allowed = admins
	}
	r := Rights{ignoredPatterns: ignored}
	for _, pattern := range admins {
		if strings.HasPrefix(pattern, "@") && !strings.ContainsAny(pattern, "*?") {
			r.named = append(r.named, id.UserID(pattern))
		}
	}
	for _, list := range []struct {
		into     *[]glob.Glob
		patterns []string
	}{{&r.admins, admins}, {&r.allowed, allowed}, {&r.ignored, ignored}} {
		for _, pattern := range list.patterns {
			if pattern != "*" && (!strings.HasPrefix(pattern, "@") && !strings.HasPrefix(pattern, "*") || !strings.Contains(pattern, ":")) {
				return Rights{}, fmt.Errorf("%q is no user id or pattern like @*:example.org", pattern)
			}
			*list.into = append(*list.into, glob.Compile(pattern))
		}
	}
	return r, nil
}

// IsAdmin reports whether a person may do everything.
func (r *Rights) IsAdmin(user id.UserID) bool { return matches(r.admins, user) }

// Named returns the administrators who are named by their whole user ids, and not by a pattern.
func (r *Rights) Named() []id.UserID { return r.named }

// IsAllowed reports whether a person may invite the bot and give it commands.
func (r *Rights) IsAllowed(user id.UserID) bool { return r.IsAdmin(user) || matches(r.allowed, user) }

// IsIgnored reports whether a person's messages are not relayed.
func (r *Rights) IsIgnored(user id.UserID) bool { return matches(r.ignored, user) }

// mayLogIn reports whether a person may use a Wazo account of their own.
func (r *Rights) mayLogIn(user id.UserID) bool { return r.IsAllowed(user) && !r.IsIgnored(user) }

func matches(patterns []glob.Glob, user id.UserID) bool {
	for _, pattern := range patterns {
		if pattern.Match(user.String()) {
			return true
		}
	}
	return false
}
