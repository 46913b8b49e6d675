package config

import "time"

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
