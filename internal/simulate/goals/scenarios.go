package goals

import (
	"slices"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// base is the primary's error rate where the canary's is compared.
const base = 0.001

// harmful returns the scenarios of the headline: from half of the primary's errors to five hundred times as many.
func harmful(rates []float64, scrape traffic.Seconds) []traffic.Scenario {
	var all []traffic.Scenario
	for _, rate := range rates {
		for _, canary := range []float64{.0005, .001, .002, .005, .01, .02, .05, .2, .5} {
			all = append(all, traffic.Scenario{Rate: rate, Base: base, Canary: canary, Scrape: traffic.Scrape{Every: scrape}})
		}
	}
	return all
}

// healthy returns scenarios of versions that should be promoted: as good as the primary, and just within the margins.
func healthy(rates []float64, scrape traffic.Seconds) []traffic.Scenario {
	var all []traffic.Scenario
	for _, rate := range rates {
		for _, errors := range []float64{.0001, .001, .005, .009} {
			boundary := min(Margins().Rho*errors+Margins().Delta, Margins().SLO)
			for _, canary := range []float64{errors, boundary} {
				all = append(all, traffic.Scenario{Rate: rate, Base: errors, Canary: canary, Scrape: traffic.Scrape{Every: scrape}})
			}
		}
	}
	return all
}

// disturbed returns healthy versions in bad surroundings: outages of both versions, which one of them shows a scrape later, missing
// scrapes and restarts.
func disturbed(rates []float64, scrape traffic.Seconds) []traffic.Scenario {
	var all []traffic.Scenario
	for _, rate := range rates {
		s := traffic.Scenario{Rate: rate, Base: base, Canary: base, Scrape: traffic.Scrape{Every: scrape, Skew: scrape - 1}}
		short, long, often, broken := s, s, s, s
		short.Outage = traffic.Outage{From: 40, For: 30, Errors: .05}
		long.Outage = traffic.Outage{From: 40, For: 600, Errors: .05}
		often.Outage = traffic.Outage{From: 20, For: 10, Every: 60, Errors: .5}
		broken.Scrape.Missing, broken.Scrape.CanaryReset, broken.Scrape.PrimaryReset = .1, 47, 83
		all = append(all, short, long, often, broken)
	}
	return all
}

// bursty returns healthy versions whose errors come together.
func bursty(rates []float64, scrape traffic.Seconds) []traffic.Scenario {
	var all []traffic.Scenario
	for _, rate := range rates {
		for _, burst := range []traffic.Burst{{Size: 5, Over: 1}, {Size: 20, Over: 1}, {Size: 20, Over: 15}} {
			all = append(all, traffic.Scenario{Rate: rate, Base: base, Canary: base, Burst: burst, Scrape: traffic.Scrape{Every: scrape}})
		}
	}
	return all
}

// atLeast returns the rates that are at least a limit.
func atLeast(rates []float64, limit float64) []float64 {
	return slices.DeleteFunc(slices.Clone(rates), func(rate float64) bool { return rate < limit })
}
