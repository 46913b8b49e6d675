package guard

import "time"

// Settings are what a policy says. DefaultSettings is what it says if it says nothing. A value outside its limits counts as the
// default.
type Settings struct {
	// Alpha is the chance that a healthy canary is rolled back, per rollout. From 1e-6 to 0.5.
	Alpha float64
	// Beta is the chance that an acceptance or a reported bound is wrong. From 1e-6 to 0.5.
	Beta float64
	// Rho is how many times the primary's rate the canary's may be. From 1 to 100.
	Rho float64
	// Delta is what the canary's error rate may be above Rho times the primary's. From 0 to 0.5.
	Delta float64
	// SLO is the error rate that a healthy version keeps below. Above 0, up to 0.5.
	SLO float64
	// Latency is whether latencies are compared.
	Latency bool
	// Limit is a limit for a percentile of the latency. Nil without one.
	Limit *Limit
	// Pairs are the user's own counters. At most MaxPairs act.
	Pairs []PairSettings
	// Fresh is whether the canary is compared with Poll.Baseline instead of the primary. Pairs are compared with the primary.
	Fresh bool
	// Early is whether a step ends when the canary is accepted, before MaxDwell.
	Early bool
	// MinDwell is the least time in a step, MaxDwell the time after which a step ends without acceptance. MaxDwell is at least
	// MinDwell. A step of the user's with a duration has it as MaxDwell.
	MinDwell, MaxDwell time.Duration
	// FinalWait is how long the last step waits to be accepted. It is at least MaxDwell.
	FinalWait time.Duration
	// HoldLimit is how long a rollout is held for suspicion that does not end, and how long a step is held for its surroundings or
	// without data, each by itself.
	HoldLimit time.Duration
	// MinRequests is how many canary requests a step needs to end without acceptance. At least 1.
	MinRequests float64
	// OnInconclusive is what follows a last step that is not accepted: ThenPromote, ThenPause or ThenRollBack.
	OnInconclusive Then
	// OnSuspicious is what follows HoldLimit of suspicion: ThenPause, or ThenRollBack if the evidence has come half of the way to proof
	// (10 of 100), and a pause if not. ThenPromote goes on in spite of it. That is for comparisons with rules that hold nothing; no
	// policy should offer it.
	OnSuspicious Then
}

// Limit is a limit for a percentile of the latency, such as 500 ms for the 99th.
type Limit struct {
	// Quantile is the share of requests that are within the limit, above 0 and below 1.
	Quantile float64
	// Seconds is the limit.
	Seconds float64
}

// PairSettings are those of one of the user's own pairs of counters.
type PairSettings struct {
	// Name is shown to users.
	Name string
	// Rate is the rate of bad events that a healthy version keeps below. 0 without such a limit.
	Rate float64
	// Rho and Delta are the margin to the control's rate. A Rho of 0 means no comparison.
	Rho, Delta float64
}

// Then is what follows when time is up.
type Then string

// What may follow.
const (
	// ThenPromote goes on as if the canary were accepted.
	ThenPromote Then = "promote"
	// ThenPause keeps the split and asks a person.
	ThenPause Then = "pause"
	// ThenRollBack rolls back.
	ThenRollBack Then = "rollback"
)

// DefaultSettings returns the settings of a policy that says nothing.
//
// A last step that is not accepted pauses: nothing was proven, and half of the users already have the version, so waiting costs
// little and a person can know more. Suspicion rolls back: for a quarter of an hour without a break the data has favoured harm, and it is
// ten times likelier in the end, which a healthy canary brings about in fewer than three of a thousand rollouts. At a few requests
// a second most regressions are rolled back so: proof would take hours. Weaker suspicion pauses, as healthy canaries are among its
// commonest causes. A canary without requests, or without samples of them, pauses at its step after a quarter of an hour under every
// policy: no data never moves traffic.
func DefaultSettings() Settings {
	return Settings{
		Alpha: DefaultAlpha, Beta: DefaultBeta, Rho: DefaultRho, Delta: DefaultDelta, SLO: DefaultSLO, Latency: true, Early: true,
		MinDwell: DefaultMinDwell, MaxDwell: DefaultMaxDwell, FinalWait: DefaultFinalWait, HoldLimit: DefaultHoldLimit,
		MinRequests: 1, OnInconclusive: ThenPause, OnSuspicious: ThenRollBack,
	}
}

// Lasting returns the settings for a step of the user's, which lasts as long as it says. Its least time is no longer than that.
func (s Settings) Lasting(step time.Duration) Settings {
	s.MinDwell, s.MaxDwell = min(s.MinDwell, step), step
	return s
}

// sane returns the settings with the default in place of what cannot be.
func (s Settings) sane() Settings {
	s.Alpha = finite(s.Alpha, 1e-6, 0.5, DefaultAlpha)
	s.Beta = finite(s.Beta, 1e-6, 0.5, DefaultBeta)
	s.Rho = finite(s.Rho, 1, 100, DefaultRho)
	s.Delta = finite(s.Delta, 0, 0.5, DefaultDelta)
	s.SLO = finite(s.SLO, 1e-6, 0.5, DefaultSLO)
	s.MinRequests = finite(s.MinRequests, 1, mostEvents, 1)
	s.MinDwell = max(s.MinDwell, 0)
	s.MaxDwell = max(s.MaxDwell, s.MinDwell)
	s.FinalWait = max(s.FinalWait, s.MaxDwell)
	s.HoldLimit = max(s.HoldLimit, 0)
	s.Pairs = s.Pairs[:min(len(s.Pairs), MaxPairs)]
	if l := s.Limit; l != nil && !(l.Quantile > 0 && l.Quantile < 1 && l.Seconds > 0) {
		s.Limit = nil
	}
	return s
}
