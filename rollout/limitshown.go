package rollout

import (
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
)

// showLimit shows among the checks what the guard knows of the limit for latencies. The guard holds and rolls back by it, so what is not
// known yet holds nothing here.
func showLimit(t *tick, state guard.State, settings guard.Settings) {
	verdict, says := state.LimitVerdict(settings)
	if verdict == "" {
		return
	}
	shown := v1alpha1.CheckStatus{Name: v1alpha1.MetricDuration, Threshold: settings.Limit.String(), Verdict: v1alpha1.VerdictInconclusive, Optional: true, Message: says}
	switch verdict {
	case guard.LimitKept:
		shown.Verdict, shown.Optional, shown.Value, shown.Message = v1alpha1.VerdictPass, false, says, ""
	case guard.LimitBroken:
		shown.Verdict, shown.Optional = v1alpha1.VerdictFail, false
	}
	next := &t.plan.Next
	next.Checks = append(slices.DeleteFunc(next.Checks, ofLimit), shown)
}

func ofLimit(c v1alpha1.CheckStatus) bool { return c.Name == v1alpha1.MetricDuration }

// limitShown is what was last shown of the limit, which a round of the other checks does not change. None without such a limit.
func (t tick) limitShown() []v1alpha1.CheckStatus {
	i := slices.IndexFunc(t.plan.Next.Checks, ofLimit)
	if _, tested := analysis.GuardLimit(t.policy); !tested || i < 0 {
		return nil
	}
	return []v1alpha1.CheckStatus{t.plan.Next.Checks[i]}
}

// otherChecks are the checks without the limit, which the guard speaks of itself.
func (t tick) otherChecks() []v1alpha1.CheckStatus {
	if len(t.limitShown()) == 0 {
		return t.plan.Next.Checks
	}
	return slices.DeleteFunc(slices.Clone(t.plan.Next.Checks), ofLimit)
}
