//go:build !linux

package fence

import (
	"net"
	"time"
)

// limitUnacknowledged does nothing: only Linux is known to have such a limit for each connection.
func limitUnacknowledged(net.Conn, time.Duration) {}
