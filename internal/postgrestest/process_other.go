//go:build unix && !linux

package postgrestest

import (
	"errors"
	"syscall"
)

func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: credential}
}

func childrenOf(int) ([]int, error) {
	return nil, errors.New("the processes of a server can be found only on Linux")
}
