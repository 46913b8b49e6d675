package simulate

import (
	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

const (
	// reaction is how long the canary still gets requests after the decision to roll back, whoever decides.
	reaction traffic.Seconds = 5
	// longest is how long a rollout is played.
	longest traffic.Seconds = 6 * 60 * 60
	// unnoticed is for how long a bad version is taken to do harm after a rollout that has not rolled it back.
	unnoticed = 600
)

// Played is how one rollout ended.
type Played struct {
	// Outcome is Open if the rollout has not ended in time.
	Outcome rule.Outcome
	// Why says what decided.
	Why string
	// Took is how long it took.
	Took traffic.Seconds
	// Bad is how many requests failed at the canary.
	Bad int64
	// Share is the candidate's share of the requests after the end, 0 to 1.
	Share float64
}

// harm is Bad, and what fails in ten minutes after the end if the candidate keeps requests.
func (p Played) harm(scenario traffic.Scenario) float64 {
	return float64(p.Bad) + float64(p.Share*scenario.Canary*scenario.Rate*unnoticed)
}

// Moment is one second of a rollout.
type Moment struct {
	// Share is what the canary got in this second, 0 to 1.
	Share float64
	// View is what was known after it, and Decision what followed.
	View     traffic.View
	Decision rule.Decision
}

// Play plays one rollout. It calls each with every second; nil for no interest.
func Play(source traffic.Source, by rule.Rule, seed, repetition uint64, each func(Moment)) Played {
	requests := source.Rollout(seed, repetition)
	run := by.Begin(rule.Before{History: func() [][]traffic.Counter { return source.History(seed, repetition) },
		Scrape: source.Scenario().Every(), Bounds: source.Scenario().Bounds()})
	view := requests.View()
	decision := run.Next(view)
	share := decision.Share
	for decision.Outcome == rule.Open && view.At < longest {
		share = decision.Share
		view = requests.Next(share)
		decision = run.Next(view)
		if each != nil {
			each(Moment{share, view, decision})
		}
	}
	if decision.Outcome == rule.RolledBack {
		for range reaction {
			view = requests.Next(share)
		}
		decision.Share = 0
	}
	return Played{Outcome: decision.Outcome, Why: decision.Why, Took: view.At, Bad: view.Canary.Errors, Share: decision.Share}
}
