package guard

import "time"

// State is all that is known of a rollout. It is a plain value: it shares nothing with another state, and states may be compared.
// Start makes one.
type State struct {
	// Restarts is how often the state was lost.
	Restarts int
	// Planned says which tests act at some step of the rollout. They have a part of the weight all the time.
	Planned Acts
	// Step is the number of the current step, 0 before the first. Arms are those of the step, Polls is how many polls it has had.
	Step  int
	Arms  Arms
	Polls int
	// Bursts is that of errors.
	Bursts Bursts
	// Errors are the tests of the error rate.
	Errors ErrorState
	// Bounds are the bounds of the histogram that are compared, of which BoundCount are in use.
	Bounds     [MaxBounds]BoundState
	BoundCount int
	// Latencies means that latencies have their part of the weight. Learning means that what is tested of them is not chosen yet.
	Latencies, Learning bool
	// Limit is the test of a latency limit. Its zero value means that there is none.
	Limit LimitState
	// Pairs are the user's own counters, in the order of the settings, of which PairCount are in use.
	Pairs     [MaxPairs]PairState
	PairCount int
	// Route is the test of the whole route since the primary began to fail more than the SLO allows, and RouteRate the error rate that
	// it may have. Failing is for how long the primary has failed so, and Returned whether the rollout went back a step for it.
	Route     Mixture
	RouteRate float64
	Failing   time.Duration
	Returned  bool
	// StepRoute are the requests and errors of all arms in this step.
	StepRoute Pair
	// Gate is whether the primary's errors are within the SLO.
	Gate Gate
	// Suspected is how long the rollout has been held for suspicion in a row, Surroundings how long this step in all for its surroundings.
	Suspected, Surroundings time.Duration
	// Returns is how often the rollout went back a step for shared damage.
	Returns int
}

// ErrorState is what is known of the canary's errors.
type ErrorState struct {
	// Ratio and Rate are the tests for harm. Acceptance is that of the ratio in this step.
	Ratio, Rate Mixture
	Acceptance  Acceptance
	// Total are the requests and errors since the arms last changed their kind, Control the control's, Step those of this step.
	Total, Control, Step Pair
	// Likelihood compares ratios, for the bound that is reported. It is as old as Total.
	Likelihood Likelihood
}

// BoundState is what is known of requests slower than one bound.
type BoundState struct {
	// Seconds is the bound. Before is the share of the primary's requests slower than it before the rollout.
	Seconds, Before float64
	// Bursts is that of slow requests.
	Bursts Bursts
	// Ratio is the test for harm, Acceptance that of this step.
	Ratio      Mixture
	Acceptance Acceptance
	// Total are the requests since the arms last changed their kind, Control the control's, Step those of this step. Bad ones are
	// slower.
	Total, Control, Step Pair
}

// LimitState is what is known of requests slower than a limit. A limit between two bounds is judged by both.
type LimitState struct {
	// Above is the smallest bound of at least the limit: what is slower than it is slower than the limit. Below is the largest of
	// at most the limit. 0 where the histogram has none.
	Above, Below float64
	// Bursts is that of requests slower than Above.
	Bursts Bursts
	// Rate is the test for harm, at Above.
	Rate Mixture
	// OverAbove and OverBelow are the requests slower than each.
	OverAbove, OverBelow Pair
	// Gate is whether the primary is within the limit.
	Gate Gate
}

// PairState is what is known of one of the user's pairs of counters.
type PairState struct {
	// Name is a hash of the name, so that an edit of the policy does not give one metric the evidence of another.
	Name uint32
	// Bursts is that of bad events.
	Bursts Bursts
	// Ratio and Rate are the tests for harm, Acceptance is that of the ratio in this step.
	Ratio, Rate Mixture
	Acceptance  Acceptance
	// Total are the events of the rollout, Control the control's, Step those of this step.
	Total, Control, Step Pair
	// Gate is whether the primary's rate is within the limit.
	Gate Gate
}

// begin begins a step: acceptance is about the data of one step only. Arms of another kind also begin what is reported.
func (s *State) begin(m Moment) {
	s.Step, s.Polls, s.Surroundings, s.StepRoute = m.Step, 0, 0, Pair{}
	s.Errors.Step, s.Errors.Acceptance = Pair{}, NewAcceptance()
	for i := range s.Bounds {
		s.Bounds[i].Step, s.Bounds[i].Acceptance = Pair{}, NewAcceptance()
	}
	for i := range s.Pairs {
		s.Pairs[i].Step, s.Pairs[i].Acceptance = Pair{}, NewAcceptance()
	}
	if s.Arms != m.Arms {
		s.Arms = m.Arms
		s.Errors.Total, s.Errors.Control, s.Errors.Likelihood = Pair{}, Pair{}, Likelihood{}
		for i := range s.Bounds {
			s.Bounds[i].Total, s.Bounds[i].Control = Pair{}, Pair{}
		}
	}
}

// alpha is the part of the settings' alpha that this run of the state may use. Each time the state is lost, evidence restarts at
// 1 with half of what the run before had, so that all runs together have no more than twice the alpha, however often it is lost.
func (s *State) alpha(settings *Settings) float64 {
	alpha := settings.Alpha
	for range min(s.Restarts, 16) {
		alpha /= 2
	}
	return alpha
}

// Resumed returns the state after a person has let a paused rollout go on: the times that it has been held begin again. The
// evidence stays.
func Resumed(s State) State {
	s.Suspected, s.Surroundings, s.Returns, s.Returned = 0, 0, 0, false
	return s
}

// fitting returns the state without the tests that the settings no longer have. Their weight goes to the others.
func (s State) fitting(settings Settings) State {
	s.PairCount = min(max(s.PairCount, 0), len(settings.Pairs), MaxPairs)
	s.BoundCount = min(max(s.BoundCount, 0), MaxBounds)
	if settings.Limit == nil {
		s.Limit = LimitState{}
	}
	for i := range s.Pairs[:s.PairCount] {
		if name := hashed(settings.Pairs[i].Name); s.Pairs[i].Name != name {
			s.Pairs[i] = newPair(name, unseen())
		}
	}
	return s
}

func newPair(name uint32, bursts Bursts) PairState {
	return PairState{Name: name, Bursts: bursts, Ratio: NewMixture(), Rate: NewMixture(), Acceptance: NewAcceptance()}
}

// hashed is the 32 bit FNV-1a hash of a name.
func hashed(name string) uint32 {
	hash := uint32(2166136261)
	for i := range len(name) {
		hash = (hash ^ uint32(name[i])) * 16777619
	}
	return hash
}
