package divide

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Company is how many people there are, and how they write. Everything but People is an assumption.
type Company struct {
	People           int
	PortalsPerPerson float64
	MessagesADay     float64 // that a person writes, on Wazo or on Matrix
	PeakHour         float64 // the part of a day's messages that is written in the busiest hour
	FromWazo         float64 // the part of the messages that is written on Wazo
	Spell            float64 // how many messages follow one another in a portal, in the mean
	Gap              float64 // seconds between two of them, in the mean
	Zipf             float64 // how unequal the portals are: the nth busiest has a share that is proportional to n^-Zipf
	Seed             uint64
}

// Default returns a company of a number of people with the assumptions of docs/performance.md.
func Default(people int) Company {
	return Company{People: people, PortalsPerPerson: 1, MessagesADay: 20, PeakHour: 0.15, FromWazo: 0.5, Spell: 5, Gap: 20, Zipf: 0.6, Seed: 1}
}

// Portals returns how many portals the company has.
func (c Company) Portals() int { return max(int(float64(c.People)*c.PortalsPerPerson), 1) }

// Peak returns how many messages a second are written in the busiest hour, in both directions.
func (c Company) Peak() float64 { return float64(c.People) * c.MessagesADay * c.PeakHour / hour }

// PeakToMatrix returns how many messages a second come from Wazo in the busiest hour.
func (c Company) PeakToMatrix() float64 { return c.Peak() * c.FromWazo }

// hour is how many seconds are simulated.
const hour = 3600

// message is a message from Wazo.
type message struct {
	portal int
	at     float64 // seconds since the hour began
}

// hour returns the messages that come from Wazo in the busiest hour, in the order of their times. It is the same for
// each call.
func (c Company) hour() (said []message) {
	random := rand.New(rand.NewPCG(c.Seed, uint64(c.People)))
	shares := c.shares()
	for at := 0.0; ; {
		at += random.ExpFloat64() * c.Spell / c.PeakToMatrix()
		if at >= hour {
			break
		}
		portal, _ := slices.BinarySearch(shares, random.Float64())
		portal = min(portal, len(shares)-1)
		for t := at; t < hour; t += random.ExpFloat64() * c.Gap {
			said = append(said, message{portal, t})
			if random.Float64() < 1/c.Spell {
				break
			}
		}
	}
	slices.SortStableFunc(said, func(a, b message) int {
		if a.at < b.at {
			return -1
		} else if a.at > b.at {
			return 1
		}
		return 0
	})
	return said
}

// shares returns how much of all messages the first portals have together, for each number of portals.
func (c Company) shares() []float64 {
	shares, sum := make([]float64, c.Portals()), 0.0
	for i := range shares {
		sum += math.Pow(float64(i+1), -c.Zipf)
		shares[i] = sum
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares
}
