package traffic

// Source makes the rollouts of a scenario.
type Source struct {
	scenario Scenario
	rate     arrivals
	before   hour
}

// NewSource returns a source of rollouts. It computes once what all of them need.
func NewSource(scenario Scenario) Source {
	return Source{scenario: scenario, rate: arrivalsOf(scenario.Rate), before: hourOf(scenario)}
}

// Scenario is what the rollouts meet.
func (s Source) Scenario() Scenario { return s.scenario }

// Rollout returns the traffic of one repetition. Rollouts of the same seed and repetition have the same requests.
func (s Source) Rollout(seed, repetition uint64) *Rollout {
	r := &Rollout{scenario: s.scenario, key: key(seed).at(repetition), rate: s.rate}
	if s.scenario.Latencies {
		r.primarySlow = s.scenario.slower(1)
	}
	return r
}
