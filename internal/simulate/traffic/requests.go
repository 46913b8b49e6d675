package traffic

import "math/bits"

// Counter is a version's counters since its first request.
type Counter struct {
	Requests, Errors int64
	// Timed are the requests whose durations were counted, and Slow those of them that took longer than each of Bounds.
	Timed int64
	Slow  [len(Bounds)]int64
}

// add adds what another counter counts.
func (c *Counter) add(other Counter) {
	c.Requests += other.Requests
	c.Errors += other.Errors
	c.Timed += other.Timed
	for i := range c.Slow {
		c.Slow[i] += other.Slow[i]
	}
}

// Minus returns what was counted since an earlier counter.
func (c Counter) Minus(earlier Counter) Counter {
	c.Requests -= earlier.Requests
	c.Errors -= earlier.Errors
	c.Timed -= earlier.Timed
	for i := range c.Slow {
		c.Slow[i] -= earlier.Slow[i]
	}
	return c
}

// The streams of random numbers of one second.
const (
	streamArrivals = iota
	streamRoutes
	streamOutcomes
	streamDurations
	streamBursts
	streamScrapes
)

// second are the requests of one second.
type second struct {
	key             key
	weight          fraction
	canary, primary arm
}

// arm is what a version does with a request.
type arm struct {
	fails fraction
	slow  *[len(Bounds)]fraction
}

// play returns what both versions count when n requests arrive.
func (s second) play(n int64) (canary, primary Counter) {
	for block := uint64(0); n > 0; block, n = block+1, n-64 {
		live := firstLanes(n)
		toCanary := s.key.at(streamRoutes).at(block).below(live, 0, 0, s.weight)
		failed := s.key.at(streamOutcomes).at(block).below(live, toCanary, s.canary.fails, s.primary.fails)
		canary.Requests += count(toCanary)
		primary.Requests += count(live &^ toCanary)
		canary.Errors += count(failed & toCanary)
		primary.Errors += count(failed &^ toCanary)
		if s.canary.slow != nil {
			s.durations(block, live, toCanary, &canary, &primary)
		}
	}
	return canary, primary
}

// durations counts the slow requests of a block. One number decides the duration of a request, so it is beyond all bounds that
// are less.
func (s second) durations(block uint64, live, toCanary lanes, canary, primary *Counter) {
	key := s.key.at(streamDurations).at(block)
	canary.Timed += count(toCanary)
	primary.Timed += count(live &^ toCanary)
	for i := range Bounds {
		slow := key.below(live, toCanary, s.canary.slow[i], s.primary.slow[i])
		canary.Slow[i] += count(slow & toCanary)
		primary.Slow[i] += count(slow &^ toCanary)
		if slow == 0 {
			return
		}
	}
}

func count(l lanes) int64 { return int64(bits.OnesCount64(uint64(l))) }
