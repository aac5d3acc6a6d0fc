//go:build chaos

package relay

import (
	"os"
	"strings"
	"time"
)

// sabotaged reports whether a part of the protection is switched off, by WAZO_RELAY_BREAK=reconcile,catchup,dedupe,echoes,adoption. The
// chaos run proves with that that it would notice. This file is built only with the tag chaos.
func sabotaged(part string) bool {
	for name := range strings.SplitSeq(os.Getenv("WAZO_RELAY_BREAK"), ",") {
		if name == part {
			return true
		}
	}
	return false
}

// chaosTimes shortens what a chaos run would wait for, by the variables below.
func chaosTimes(cfg *Config) {
	for name, into := range map[string]*time.Duration{
		"WAZO_RELAY_SETTLE": &cfg.Settle, "WAZO_RELAY_PROBE": &cfg.ProbeInterval,
		"WAZO_RELAY_MEMBER": &cfg.MemberKept, "WAZO_RELAY_LOGIN_CHECK": &cfg.LoginCheck,
		"WAZO_RELAY_REACTION": &cfg.ReactionWait,
	} {
		if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
			*into = d
		}
	}
}
