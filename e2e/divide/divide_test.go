package divide

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAccountOf(t *testing.T) {
	const portals, accounts = 20000, 10
	var has [accounts]int
	moved := 0
	for portal := range portals {
		account := AccountOf(portal, accounts)
		has[account]++
		if later := AccountOf(portal, accounts+1); later != account {
			require.Equal(t, accounts, later, "a portal moves to the new account only")
			moved++
		}
	}
	for _, n := range has {
		require.InDelta(t, portals/accounts, n, 200)
	}
	require.InDelta(t, portals/(accounts+1), moved, 200)
}

// at makes messages of one portal.
func at(portal int, times ...float64) (said []message) {
	for _, t := range times {
		said = append(said, message{portal, t})
	}
	return said
}

func TestPass(t *testing.T) {
	limit := Limit{PerSecond: 0.2, Burst: 2}
	for _, test := range []struct {
		name   string
		said   []message
		waits  []float64
		events int
	}{
		{name: "a burst passes at once", said: at(1, 0, 0), waits: []float64{0, 0}, events: 2},
		{name: "the next message waits for a token", said: at(1, 0, 0, 0), waits: []float64{0, 0, 5}, events: 3},
		{
			name: "what waits behind it is merged", said: at(1, 0, 0, 0, 1, 2, 3),
			waits: []float64{0, 0, 5, 9, 8, 7}, events: 4,
		},
		{name: "tokens come back", said: at(1, 0, 0, 60, 60), waits: []float64{0, 0, 0, 0}, events: 4},
		{
			name:  "portals take turns",
			said:  append(at(1, 0, 0, 0), at(2, 0, 0)...),
			waits: []float64{0, 0, 5, 10, 15}, events: 5,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			waits, events := pass(test.said, limit)
			require.InDeltaSlice(t, test.waits, waits, 1e-6)
			require.Equal(t, test.events, events)
		})
	}
}

func TestCompany(t *testing.T) {
	c := Default(2000)
	said := c.hour()
	require.Equal(t, said, c.hour(), "the same each time")
	require.InEpsilon(t, c.PeakToMatrix()*hour, len(said), 0.15)
	for i := range said[1:] {
		require.LessOrEqual(t, said[i].at, said[i+1].at)
	}
}

func TestFewest(t *testing.T) {
	c := Default(2000)
	r, ok := Fewest(c, SynapseDefault, 10, 500)
	require.True(t, ok)
	require.LessOrEqual(t, r.P99, 10.0)
	require.Greater(t, Simulate(c, SynapseDefault, r.Accounts/2).P99, 10.0, "half of them are too few")
	one, ok := Fewest(c, Limit{PerSecond: 50, Burst: 50}, 10, 500)
	require.True(t, ok)
	require.Equal(t, 1, one.Accounts)
	require.InDelta(t, 1, one.Merged(), 1e-9, "nothing is merged without need")
	_, ok = Fewest(c, SynapseDefault, 10, 2)
	require.False(t, ok)
}
