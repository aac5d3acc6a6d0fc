//go:build !linux

package harness

import "errors"

// FillDisk is possible on Linux only.
func (r *Relay) FillDisk() (makeRoom func() error, err error) {
	return nil, errors.New("only Linux can limit the files of another process")
}
