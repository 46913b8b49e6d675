package config

import "time"

const (
	longestLookPeriod  = 5 * time.Second
	shortestLookPeriod = time.Second
	looksPerInterval   = 5
)

// LookPeriod is the time between two looks at what may answer at any moment, such as a hook that can roll back: a fifth of the
// interval, from 1 s to 5 s. Checks have a round once an interval instead.
func (p Policy) LookPeriod() time.Duration {
	return max(shortestLookPeriod, min(longestLookPeriod, p.Interval/looksPerInterval))
}

// looksWithinDeadline is how often checks without data are made anew before the progress deadline, however long the interval is.
const looksWithinDeadline = 10

// RetryPeriod is the time from a round of checks that lacked data, at a step that is over, to the next: the interval, but at most a
// tenth of the progress deadline, which would else roll back before anybody looks again.
func (p Policy) RetryPeriod() time.Duration {
	return max(shortestLookPeriod, min(p.Interval, p.ProgressDeadline/looksWithinDeadline))
}

// shortestShareWindow lets a share of the requests be of enough scrapes where Prometheus scrapes every 15 or 30 s.
const shortestShareWindow = time.Minute

// ShareWindow is how far back the canary's share of the requests is counted: the interval, at least a minute. It is shown and
// decides nothing.
func (p Policy) ShareWindow() time.Duration {
	return max(shortestShareWindow, p.Interval)
}
