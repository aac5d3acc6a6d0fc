package wazoapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestASuccessfulLoginResetsThePauses(t *testing.T) {
	t.Parallel()
	var b loginBackoff
	now := newFakeClock().Now()
	refused := &Error{Status: 401}
	for range 5 {
		b.failed(now, refused)
	}
	assert.Equal(t, now.Add(8*time.Minute), b.until)
	b.succeeded()
	assert.NoError(t, b.blocked(now))
	b.failed(now, refused)
	assert.Equal(t, now.Add(30*time.Second), b.until)
	assert.ErrorIs(t, b.blocked(now), refused)
}
