package fence

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged has the kernel give a connection up when what was written to it is not acknowledged for a time.
// Otherwise it would go on sending that for a quarter of an hour, and even after the process has ended.
func limitUnacknowledged(conn net.Conn, limit time.Duration) {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // the connection is closed already
	}
	_ = raw.Control(func(fd uintptr) { // it is no TCP connection, or closed already
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
	})
}
