package goals

import (
	"fmt"
	"math"
	"strings"

	"sluice.dev/sluice/internal/simulate"
)

// Goal is what the guard has to reach, and whether it does.
type Goal struct {
	// Name is short, such as G1. Says is what was measured, and what was expected.
	Name, Says string
	Met        bool
}

// The goals.
const (
	// fewerSame and fewerDefault are how many times fewer requests fail than under Flagger's rule, in the geometric mean.
	fewerSame, fewerDefault = 15, 50
	// falseCalm and falseBurst are the parts of healthy versions that may be rolled back, without and with bursts.
	falseCalm, falseBurst = 0.003, 0.01
	// enoughHealthy and enough are how many rollouts of a scenario make the noise of a number smaller than what matters. With fewer, a
	// goal is missed only if that is certain.
	enoughHealthy, enough = 3000, 400
	// faster is the part of Flagger's time that a promotion may take.
	faster = 0.5
)

// Check compares what was measured with the goals.
func Check(m Measured) []Goal {
	all := []Goal{fewerBad(m, "Flagger's steps", fewerSame, func(r Row) simulate.Cell { return r.Same }),
		fewerBad(m, "default policy", fewerDefault, func(r Row) simulate.Cell { return r.Default }), neverWorse(m)}
	if len(m.Healthy) > 0 {
		all = append(all, m.fewFalse("G2 healthy versions", m.Healthy, falseCalm), m.fewFalse("G2 outages, skew, missing scrapes, restarts", m.Disturbed, falseCalm),
			m.fewFalse("G2 bursts", shown(m.Bursty), falseBurst), m.goesOn())
	}
	return append(all, nothingMissed(m), soonPromoted(m))
}

// fewerBad is G1: the ratio of bad requests before the rollback.
func fewerBad(m Measured, name string, goal float64, of func(Row) simulate.Cell) Goal {
	sum, n := 0.0, 0.0
	for _, r := range m.Headline {
		if s := r.Flagger.Scenario; s.Rate < 10 || s.Rate > 1000 || s.Canary < .05 {
			continue
		}
		sum += math.Log(r.Flagger.Bad.Mean / of(r).Bad.Mean)
		n++
	}
	ratio := math.Exp(sum / n)
	return Goal{"G1 " + name, fmt.Sprintf("%.1f times fewer bad requests than under Flagger's rule (at least %.0f)", ratio, goal), ratio >= goal}
}

// neverWorse is the other half of G1: no cell in which Flagger's rule works lets through fewer bad requests.
func neverWorse(m Measured) Goal {
	least, where := math.Inf(1), ""
	for _, r := range m.Headline {
		if r.Flagger.Scenario.Rate < 10 || r.Flagger.RolledBack.Value <= .95 {
			continue
		}
		for _, cell := range []simulate.Cell{r.Same, r.Default} {
			if ratio := r.Flagger.Bad.Mean / cell.Bad.Mean; ratio < least {
				least, where = ratio, place(cell)
			}
		}
	}
	return Goal{"G1 each cell", fmt.Sprintf("%.1f times at least, at %s (at least 1)", least, where), least >= 1}
}

// fewFalse is G2: healthy versions are not rolled back.
func (m Measured) fewFalse(name string, cells []simulate.Cell, limit float64) Goal {
	most, where := simulate.Share{}, ""
	for _, cell := range cells {
		if cell.RolledBack.Value >= most.Value {
			most, where = cell.RolledBack, place(cell)
		}
	}
	says := fmt.Sprintf("at most %.2f %% of each cell are rolled back (%.2f to %.2f %%), at %s (at most %.1f %%)", 100*most.Value, 100*most.Low, 100*most.High, where, 100*limit)
	if m.Size.Healthy >= enoughHealthy || most.Value <= limit {
		return Goal{name, says, most.Value <= limit}
	}
	return Goal{name, says + fmt.Sprintf("; %d rollouts are too few to be sure", m.Size.Healthy), most.Low <= limit}
}

// goesOn is that an outage of both versions, which is over before a hold's limit, only delays a healthy version. With fewer requests, a
// version cannot prove in the time of its last step that the errors of the outage were not its own.
func (m Measured) goesOn() Goal {
	least, where := math.Inf(1), ""
	for _, cell := range m.Disturbed {
		s := cell.Scenario
		if s.Rate < 10 || s.Outage.For == 0 || s.Outage.Every > 0 || cell.Rule != Default().Name() {
			continue
		}
		if cell.Promoted.Value < least {
			least, where = cell.Promoted.Value, place(cell)
		}
	}
	return Goal{"G2 outages delay", fmt.Sprintf("at least %.2f %% of healthy versions are promoted after an outage, at %s (at least %.1f %%)", 100*least, where, 100*(1-falseCalm)), least >= 1-falseCalm}
}

// shown leaves out the cells in which an hour of the primary has too few errors to show that they come together.
func shown(cells []simulate.Cell) []simulate.Cell {
	const enough = 20
	var all []simulate.Cell
	for _, cell := range cells {
		if s := cell.Scenario; s.Rate*s.Base*3600/s.Burst.Size >= enough/2 {
			all = append(all, cell)
		}
	}
	return all
}

// nothingMissed is G3: what Flagger rolls back, the default policy rolls back, too.
func nothingMissed(m Measured) Goal {
	var missed []string
	for _, r := range m.Headline {
		s := r.Flagger.Scenario
		if s.Canary >= 2*s.Base && !Margins().Healthy(s) && r.Default.RolledBack.Value < r.Flagger.RolledBack.Value {
			missed = append(missed, fmt.Sprintf("%s: %.3f, Flagger %.3f", place(r.Default), r.Default.RolledBack.Value, r.Flagger.RolledBack.Value))
		}
	}
	says := "every regression is rolled back at least as often as by Flagger's rule"
	if len(missed) > 0 {
		says = "rolled back less often: " + strings.Join(missed, "; ")
	}
	return Goal{"G3 default policy", says, len(missed) == 0}
}

// soonPromoted is G4: where there is traffic, a healthy version is promoted in half of the time.
func soonPromoted(m Measured) Goal {
	most, noise, where := 0.0, 0.0, ""
	for _, r := range m.Headline {
		if r.Flagger.Scenario.Rate < 100 || r.Flagger.Scenario.Canary != r.Flagger.Scenario.Base {
			continue
		}
		if part := r.Default.PromotionSeconds.Mean / r.Flagger.PromotionSeconds.Mean; part > most {
			most, noise, where = part, 2*r.Default.PromotionSeconds.Error/r.Flagger.PromotionSeconds.Mean, place(r.Default)
		}
	}
	if m.Size.Rollouts >= enough {
		noise = 0
	}
	return Goal{"G4 default policy", fmt.Sprintf("a healthy version takes at most %.3f of Flagger's time, at %s (at most %.1f)", most, where, faster), most-noise <= faster && most > 0}
}

// place names a cell.
func place(c simulate.Cell) string {
	s := c.Scenario
	text := fmt.Sprintf("%g rps, %.4g %% beside %.4g %%, %s", s.Rate, 100*s.Canary, 100*s.Base, c.Rule)
	if s.Outage.For > 0 {
		text += fmt.Sprintf(", outage of %d s", s.Outage.For)
	}
	if s.Scrape.Missing > 0 {
		text += ", missing scrapes"
	}
	if s.Burst.Size > 1 {
		text += fmt.Sprintf(", bursts of %g over %d s", s.Burst.Size, s.Burst.Over)
	}
	if c.Healthy && c.RolledBack.Count > 0 {
		text += " " + strings.TrimPrefix(fmt.Sprint(c.Reasons), "map")
	}
	return text
}
