package rollout

import (
	"fmt"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/events"
)

// compareShare compares the weight that the routes state with the share of the requests that arrived at the canary. An event
// reports a difference once in each step. It decides nothing: the canary is judged by the requests that it gets.
func compareShare(t *tick) {
	next := &t.plan.Next
	if t.o.Samples == nil || !t.isComparable() {
		return
	}
	share, requests, differs := analysis.Unequal(t.o.Samples, next.CanaryWeight)
	next.Observed.Difference = ""
	if !differs {
		return
	}
	next.Observed.Difference = fmt.Sprintf("At weight %v%% the canary got %.1f%% of %.0f requests", next.CanaryWeight, share, requests)
	if !next.Rollout.Step.Unequal {
		next.Rollout.Step.Unequal = true
		emit(t, events.ShareDiffers(next.Observed.Difference))
	}
}

// isComparable reports whether the weight alone should decide which requests the samples of this tick have counted: all are of
// the present step, and no request is matched, mirrored or kept at a version by a cookie.
func (t tick) isComparable() bool {
	inEffect, split := t.plan.Next.Rollout.Step.InEffect, t.split()
	return split.Weight > 0 && onlyWeight(split) && !t.o.Sampled.Before(inEffect.Add(t.policy.ShareWindow()))
}

func onlyWeight(split route.Split) bool {
	return len(split.Match) == 0 && split.Mirror == 0 && split.Affinity == nil && split.Control == ""
}
