package task

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/rs/zerolog"
)

// PanicError is a panic that [Guard] caught.
type PanicError struct{ Value any }

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Guard runs fn and returns its error. A panic in fn is returned as a *[PanicError]. Its stack is logged by the logger
// of ctx; its value is not, because it may hold a secret: that is for the caller to decide.
func Guard(ctx context.Context, fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			zerolog.Ctx(ctx).Error().Bytes(zerolog.ErrorStackFieldName, debug.Stack()).Msg("Recovered from a panic")
			err = &PanicError{value}
		}
	}()
	return fn()
}
