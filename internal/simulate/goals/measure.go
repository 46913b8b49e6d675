package goals

import (
	"slices"

	"sluice.dev/sluice/internal/simulate"
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// Size is how much is played.
type Size struct {
	// Rates are the requests a second.
	Rates []float64
	// Rollouts is the number of rollouts of each scenario, and Healthy that of the scenarios whose canary should be promoted.
	Rollouts, Healthy int
	// Seed is the seed.
	Seed uint64
}

// Measured is everything at one time between scrapes.
type Measured struct {
	Scrape traffic.Seconds
	// Size is how much was played.
	Size Size
	// Headline are the scenarios that compare the rules.
	Headline []Row
	// Healthy, Disturbed and Bursty are the cells of both guards.
	Healthy, Disturbed, Bursty []simulate.Cell
}

// Row is one scenario under the rules that are compared.
type Row struct {
	// Flagger and Sliding are Flagger's rule and that of sliding windows.
	Flagger, Sliding simulate.Cell
	// Same and Default are the guard with Flagger's steps, and with everything left to it.
	Same, Default simulate.Cell
}

func (s Size) play(scenarios []traffic.Scenario, rollouts int, rules ...rule.Rule) []simulate.Cell {
	return simulate.Run(simulate.Plan{Scenarios: scenarios, Rules: rules, Margins: Margins(), Seed: s.Seed, Rollouts: rollouts})
}

// Others plays the headline under the other rules, which do not depend on scrapes: they know every request at once.
func Others(size Size) []Row {
	cells := size.play(harmful(size.Rates, 0), size.Rollouts, Flagger(), rule.SlidingDefaults())
	rows := make([]Row, len(cells)/2)
	for i := range rows {
		rows[i] = Row{Flagger: cells[2*i], Sliding: cells[2*i+1]}
	}
	return rows
}

// Measure plays the guard beside the other rules. Without healthy, it leaves out the scenarios of healthy versions, which take the
// most time.
func Measure(size Size, scrape traffic.Seconds, others []Row, withHealthy bool) Measured {
	m := Measured{Scrape: scrape, Size: size, Headline: slices.Clone(others)}
	for i, cell := range size.play(harmful(size.Rates, scrape), size.Rollouts, SameSteps(), Default()) {
		if row := &m.Headline[i/2]; i%2 == 0 {
			row.Same = cell
		} else {
			row.Default = cell
		}
	}
	if withHealthy {
		m.Healthy = size.play(healthy(size.Rates, scrape), size.Healthy, SameSteps(), Default())
		m.Disturbed = size.play(disturbed(size.Rates, scrape), size.Healthy, SameSteps(), Default())
		m.Bursty = size.play(bursty(atLeast(size.Rates, 10), scrape), size.Healthy, SameSteps(), Default())
	}
	return m
}

// Sliding plays the rule of sliding windows on healthy versions, at errors of 0.1, 0.5 and 0.9 %.
func Sliding(size Size) []simulate.Cell {
	var scenarios []traffic.Scenario
	for _, errors := range []float64{.001, .005, .009} {
		for _, rate := range size.Rates {
			scenarios = append(scenarios, traffic.Scenario{Rate: rate, Base: errors, Canary: errors})
		}
	}
	return size.play(scenarios, size.Rollouts, rule.SlidingDefaults())
}
