package wazoapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestASuccessfulLoginResetsThePauses(t *testing.T) {
	var g loginGate
	now := newFakeClock().Now()
	refused := &Error{Status: 401}
	for range 5 {
		g.failed(now, refused)
	}
	assert.Equal(t, now.Add(8*time.Minute), g.until)
	g.succeeded()
	assert.NoError(t, g.held(now))
	g.failed(now, refused)
	assert.Equal(t, now.Add(30*time.Second), g.until)
	assert.ErrorIs(t, g.held(now), refused)
}
