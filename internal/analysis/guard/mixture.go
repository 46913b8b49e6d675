package guard

import "math"

// Mixture is the e-process of a test for harm: the evidence against the canary, and a bet on each of the alternatives that it
// could be. Its zero value is invalid; make one with NewMixture.
//
// The evidence starts at 1, never falls below 0, and is expected not to grow as long as the canary is fine. By Ville's inequality
// it reaches 1/alpha with a probability of at most alpha, however often it is looked at.
type Mixture struct {
	// Alternatives is the evidence for each of the alternatives, in the order of the grid.
	Alternatives [harmful]float64
	// Reserve is not at stake yet. A part of it seeds a fresh start at each poll, so that a long clean record does not mask a
	// regression that begins later.
	Reserve float64
}

// NewMixture returns a mixture before its first poll.
func NewMixture() Mixture { return mixture(started) }

// mixture returns a mixture of which a share is at stake from the first poll.
func mixture(stake float64) Mixture {
	m := Mixture{Reserve: 1 - stake}
	for j := range m.Alternatives {
		m.Alternatives[j] = stake / harmful
	}
	return m
}

// E returns the evidence.
func (m *Mixture) E() float64 {
	e := m.Reserve
	for _, a := range m.Alternatives {
		e += a
	}
	return e
}

// update takes the log likelihood ratios of one poll. eta, in (0, 1], tempers them for bursts, and top is the logarithm of the
// largest factor that one poll may have.
func (m *Mixture) update(lr *[harmful]float64, eta, top float64) {
	released := onset * m.Reserve
	m.Reserve -= released
	for j := range m.Alternatives {
		m.Alternatives[j] = grown(m.Alternatives[j]+released/harmful, lr[j], eta, top)
	}
}

// capOf returns the logarithm of the largest factor of one poll for a test with a share of the weight: with it, fewer than
// agreeing polls cannot reach 1/alpha.
func capOf(alpha, weight float64) float64 {
	return math.Log(2/(alpha*weight*started)) / agreeing
}

// Acceptance is the e-process of a test for health: the evidence that the canary is better than a boundary. It is restarted at
// each step, has no reserve and no cap, as what it decides is only to go on. Its zero value is invalid; make one with
// NewAcceptance.
type Acceptance [healthy]float64

// NewAcceptance returns an acceptance before its first poll.
func NewAcceptance() Acceptance {
	var a Acceptance
	for j := range a {
		a[j] = 1.0 / healthy
	}
	return a
}

// E returns the evidence.
func (a *Acceptance) E() float64 {
	e := 0.0
	for _, part := range a {
		e += part
	}
	return e
}

func (a *Acceptance) update(lr *[healthy]float64, eta float64) {
	for j := range a {
		a[j] = grown(a[j], lr[j], eta, steepest)
	}
}

// grown returns the evidence for one alternative after a poll. A ratio that is not a number says nothing.
func grown(a, lr, eta, top float64) float64 {
	exponent := min(eta*lr, top, steepest)
	if math.IsNaN(exponent) {
		return a
	}
	return min(a*math.Exp(exponent), largest)
}
