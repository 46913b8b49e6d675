package main

import (
	"fmt"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// scrape is how often the cluster's Prometheus scrapes, in seconds.
const scrape traffic.Seconds = 2

// mostFailed is how many failed requests a version that fails half of them may serve at 50 requests a second, on average.
const mostFailed = 10

// use is one kind of rollout that is measured.
type use struct {
	name string
	// rate is the number of requests a second, runs how often the rollout is measured.
	rate float64
	runs int
	// primary and canary are the variables of the sample application, v1 and v2. v2 has those of v1, too.
	primary, canary []string
	// annotations are those of the Deployment, beside the ones that all have.
	annotations map[string]string
	// disturbance is what happens meanwhile; nil for nothing.
	disturbance *disturbance
	// bad means that the version must be rolled back; otherwise it must never be.
	bad bool
	// most is how many failed requests may be served on average; 0 without a goal.
	most float64
	// like is the scenario that the simulator plays beside it.
	like traffic.Scenario
}

// uses returns everything that is measured. Runs is how often each; a healthy version twice as often.
func uses(runs int) []use {
	var all []use
	for _, rate := range []float64{50, 200} {
		for _, errors := range []float64{0.5, 0.05, 0.02} {
			u := use{name: fmt.Sprintf("ERROR_RATE=%v", errors), rate: rate, runs: runs, canary: failing(errors), bad: true,
				like: traffic.Scenario{Rate: rate, Canary: errors}}
			if errors == 0.5 && rate == 50 {
				u.most = mostFailed
			}
			all = append(all, u)
		}
		all = append(all, use{name: "LATENCY +50 %", rate: rate, runs: runs, primary: []string{"LATENCY=200ms"}, canary: []string{"LATENCY=300ms"}, bad: true,
			like: traffic.Scenario{Rate: rate, Latencies: true, Latency: 1.5}})
	}
	for _, errors := range []float64{0.005, 0.009} {
		all = append(all, use{name: fmt.Sprintf("healthy, both fail %.1f %%", 100*errors), rate: 10, runs: 2 * runs, primary: failing(errors),
			like: traffic.Scenario{Rate: 10, Base: errors, Canary: errors}})
	}
	all = append(all, disturbed(runs)...)
	for i := range all {
		all[i].like.Scrape.Every = scrape
	}
	return all
}

// disturbed are healthy versions whose surroundings are disturbed.
func disturbed(runs int) []use {
	const rate, errors = 50, 0.001
	healthy := traffic.Scenario{Rate: rate, Base: errors, Canary: errors}
	with := func(name string, d *disturbance, change func(*traffic.Scenario)) use {
		u := use{name: name, rate: rate, runs: runs, primary: failing(errors), disturbance: d, like: healthy}
		change(&u.like)
		return u
	}
	restarted := with("pods restarted", &restartPods, func(s *traffic.Scenario) {
		s.Scrape.CanaryReset, s.Scrape.PrimaryReset = disturbedFrom, disturbedFrom
	})
	restarted.annotations = map[string]string{"sluice.dev/metrics": "app"}
	return []use{
		with("common outage", &outage, func(s *traffic.Scenario) {
			s.Outage = traffic.Outage{From: disturbedFrom, For: disturbedFor, Errors: 0.5}
		}),
		with("bursts", &bursts, func(s *traffic.Scenario) {
			s.Base, s.Canary, s.Burst = errors+burstShare, errors+burstShare, traffic.Burst{Size: burstSize, Over: 1}
		}),
		with("Prometheus restarted", &restartPrometheus, func(*traffic.Scenario) {}),
		restarted,
		with("scrape gap", &scrapeGap, func(*traffic.Scenario) {}),
	}
}

func failing(rate float64) []string { return []string{fmt.Sprintf("ERROR_RATE=%v", rate)} }
