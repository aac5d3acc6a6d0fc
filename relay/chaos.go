//go:build chaos

package relay

import (
	"os"
	"strings"
	"time"

	"wazo-matrix-relay/wazoapi"
)

// sabotaged reports whether a part of the protection is switched off, by
// WAZO_RELAY_BREAK=reconcile,catchup,dedupe,echoes,adoption. The chaos run proves with that that it would notice. This
// file is built only with the tag chaos.
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
		"WAZO_RELAY_MEMBER": &cfg.MemberKept, "WAZO_RELAY_LOGIN_CHECK": &cfg.LoginCheck, "WAZO_RELAY_WHOLE": &cfg.WholeWait,
		"WAZO_RELAY_REACTION": &cfg.ReactionWait, "WAZO_RELAY_PLUGIN": &cfg.PluginMissed, "WAZO_RELAY_RELATIONS": &cfg.RelationsInterval,
		"WAZO_RELAY_HOOK": &cfg.Webhook.CheckInterval, "WAZO_RELAY_SILENCE": &cfg.Webhook.SilenceAfter,
		"WAZO_RELAY_OUTSIDE": &cfg.OutsideLag,
	} {
		if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
			*into = d
		}
	}
}

// StreamConfig returns the timings of the connections for events. A chaos run lets them ask more often whether Wazo has
// the plugin.
func StreamConfig() (cfg wazoapi.StreamConfig) {
	if d, err := time.ParseDuration(os.Getenv("WAZO_RELAY_PLUGIN")); err == nil {
		cfg.PingInterval, cfg.PluginInterval = d, d
	}
	return cfg
}
