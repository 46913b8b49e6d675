package config

import "time"

// LadderAuto is the value of analysis.ladder that lets the guard choose the weights.
const LadderAuto = "auto"

// Ladder are the weights of LadderAuto, in percent. A rollout starts at the first that gets enough requests to learn from.
var Ladder = []float64{0.2, 1, 5, 10, 25, 50}

// Bounds of what a policy says to the guard.
const (
	// LeastSLO is the least sloErrorRate, in percent.
	LeastSLO = 0.01
	// MostSLO is the greatest sloErrorRate, in percent.
	MostSLO = 50
	// LeastAlpha is the least alpha.
	LeastAlpha = 1e-6
	// MostAlpha is the greatest alpha.
	MostAlpha = 0.5
	// MostRho is the greatest rho. The least is 1.
	MostRho = 100
)

// Guard is how the guard judges a rollout: by sequential tests of the counters of both versions.
type Guard struct {
	// Enabled is whether the guard judges at all.
	Enabled bool
	// Ladder is whether the steps are the guard's own. Otherwise they are the user's.
	Ladder bool
	// Alone is whether the policy has no metrics but pairs of counters: then no threshold is checked while the guard judges.
	Alone bool
	// Fresh is whether the canary is compared with a control: pods of the primary's template that are as many and as young.
	Fresh bool
	// SLOErrorRate is the share of failed requests that a healthy version keeps below, above 0 and at most 0.5.
	SLOErrorRate float64
	// Alpha is the chance that a rollout of a healthy version is rolled back, from 1e-6 to 0.5.
	Alpha float64
	// Rho is how many times the primary's rate the canary's may be, from 1 to 100.
	Rho float64
	// Latency is whether latencies are compared.
	Latency bool
	// OnInconclusive is what follows a last step that proved neither harm nor health.
	OnInconclusive Then
	// OnSuspicious is what follows when the data has favoured harm for long without proving it: ThenPause or ThenRollBack.
	OnSuspicious Then
	// EarlyAdvance ends a step as soon as the canary is accepted.
	EarlyAdvance bool
	// MinDwell is the least time in a step that may end early, and MaxDwell how long a step of the ladder lasts without acceptance.
	MinDwell, MaxDwell time.Duration
}

// What the canary may be compared with.
const (
	// BaselinePrimary is the primary.
	BaselinePrimary Baseline = "primary"
	// BaselineFresh is a control: pods of the primary's template that are as many and as young as the canary's.
	BaselineFresh Baseline = "fresh"
)

// Baseline is what the canary is compared with.
type Baseline string

// MostFresh is the greatest weight with BaselineFresh, in percent. The control gets as much as the canary, and both no more than all.
const MostFresh = 50

// Then is what follows when the guard may wait no longer.
type Then string

// What may follow.
const (
	// ThenPromote goes on as if the canary were accepted.
	ThenPromote Then = "promote"
	// ThenPause keeps the split until a person decides.
	ThenPause Then = "pause"
	// ThenRollBack rolls back.
	ThenRollBack Then = "rollback"
)

// What may follow a last step that proved nothing, and long suspicion.
var (
	AfterInconclusive = []Then{ThenPromote, ThenPause, ThenRollBack}
	AfterSuspicion    = []Then{ThenPause, ThenRollBack}
)
