package config

import "time"

// Steps are the canary's weights in percent, in order: StepWeight, twice StepWeight and so on, the last one MaxWeight.
func (p Policy) Steps() []int32 {
	var steps []int32
	for weight := p.StepWeight; p.StepWeight > 0 && weight < p.MaxWeight; weight += p.StepWeight {
		steps = append(steps, int32(weight))
	}
	return append(steps, int32(p.MaxWeight))
}

const (
	longestCheckPeriod  = 5 * time.Second
	shortestCheckPeriod = time.Second
	checksPerInterval   = 5
)

// CheckPeriod is the time from one round of checks to the next: a fifth of the interval, from 1 s to 5 s.
func (p Policy) CheckPeriod() time.Duration {
	return max(shortestCheckPeriod, min(longestCheckPeriod, p.Interval/checksPerInterval))
}

// shortestWindow lets a check see enough scrapes where Prometheus scrapes every 15 or 30 s.
const shortestWindow = time.Minute

// Window is how far back a check may look: the interval, at least a minute. The rollout cuts it at the moment when the
// canary first got requests, so that nothing of an earlier candidate counts.
func (p Policy) Window() time.Duration {
	return max(shortestWindow, p.Interval)
}
