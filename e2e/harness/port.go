package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are taken from below the range that the system hands out to outgoing
// connections, so that a server which restarts finds its own port free.
const (
	firstPort = 20000
	portCount = 12000
)

// FreePort returns a loopback port on which nothing listens.
func FreePort() (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(portCount)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("found no free port on 127.0.0.1")
}
