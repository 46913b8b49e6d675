package traffic

// Rollout is the traffic of one rollout, second by second.
type Rollout struct {
	scenario Scenario
	key      key
	rate     arrivals
	now      Seconds
	// exact are the counters since the first second, without scrapes and resets.
	canary, primary version
	// primarySlow and canarySlow are the probabilities of durations; nil if durations are not counted.
	primarySlow, canarySlow *[len(Bounds)]fraction
	latency                 float64
}

// version is one version's counters, the errors that are still to come, and its last scrape.
type version struct {
	exact, beforeReset Counter
	bursts             bursts
	scraped            Sample
}

// Sample is what a scrape read.
type Sample struct {
	// At is when it was read; 0 if nothing was read yet.
	At Seconds
	Counter
}

// View is what is known at the end of a second.
type View struct {
	// At is the number of seconds that have passed.
	At Seconds
	// Canary and Primary are the exact counters.
	Canary, Primary Counter
	// CanarySample and PrimarySample are the last scrapes.
	CanarySample, PrimarySample Sample
}

// Next plays one second with a share of the requests for the canary, 0 to 1.
func (r *Rollout) Next(share float64) View {
	k := r.key.at(uint64(r.now))
	canaryFails, primaryFails := r.scenario.errorsAt(r.now)
	size := r.scenario.Burst.Size
	if size > 1 {
		canaryFails, primaryFails = canaryFails/size, primaryFails/size
	}
	s := second{key: k, weight: fractionOf(share), canary: arm{fails: fractionOf(canaryFails)}, primary: arm{fails: fractionOf(primaryFails)}}
	if r.scenario.Latencies {
		s.canary.slow, s.primary.slow = r.canaryDurations(), r.primarySlow
	}
	canary, primary := s.play(r.rate.draw(k.at(streamArrivals)))
	if size > 1 {
		canary.Errors = r.canary.burst(k.at(streamBursts).at(0), canary, r.scenario.Burst, r.now)
		primary.Errors = r.primary.burst(k.at(streamBursts).at(1), primary, r.scenario.Burst, r.now)
	}
	r.canary.exact.add(canary)
	r.primary.exact.add(primary)
	r.now++
	scrape := r.scenario.Scrape
	r.canary.read(k.at(streamScrapes).at(0), r.now, r.scenario, scrape.Skew, scrape.CanaryReset)
	r.primary.read(k.at(streamScrapes).at(1), r.now, r.scenario, 0, scrape.PrimaryReset)
	return r.View()
}

// View returns what is known now.
func (r *Rollout) View() View {
	return View{At: r.now, Canary: r.canary.exact, Primary: r.primary.exact, CanarySample: r.canary.scraped, PrimarySample: r.primary.scraped}
}

// canaryDurations are the probabilities of the canary's durations now.
func (r *Rollout) canaryDurations() *[len(Bounds)]fraction {
	if factor := r.scenario.latencyAt(r.now); factor != r.latency {
		r.latency, r.canarySlow = factor, r.scenario.slower(factor)
	}
	return r.canarySlow
}

// burst takes errors for causes and returns the errors that happen now.
func (v *version) burst(k key, counted Counter, burst Burst, now Seconds) int64 {
	v.bursts.begin(k, counted.Errors, burst, now)
	return v.bursts.happen(counted.Requests, now)
}

// read scrapes the version if it is due now.
func (v *version) read(k key, now Seconds, s Scenario, skew, reset Seconds) {
	if reset > 0 && now == reset {
		v.beforeReset = v.exact
	}
	if now%s.Every() != skew%s.Every() || s.Scrape.Missing > 0 && k.chance(fractionOf(s.Scrape.Missing)) {
		return
	}
	v.scraped = Sample{At: now, Counter: v.exact.Minus(v.beforeReset)}
}
