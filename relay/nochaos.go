//go:build !chaos

package relay

import "wazo-matrix-relay/wazoapi"

// sabotaged, chaosTimes and StreamConfig are for the chaos run, see chaos.go: here everything is whole.
func sabotaged(string) bool { return false }

func chaosTimes(*Config) {}

// StreamConfig returns the timings of the connections for events: the usual ones.
func StreamConfig() wazoapi.StreamConfig { return wazoapi.StreamConfig{} }
