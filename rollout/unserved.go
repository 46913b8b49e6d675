package rollout

import (
	"fmt"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/strategy"
)

// followPlan gives the canary the weight of the present step if the steps have changed: the primary has become unreachable, or
// can be reached again. It returns whether the canary has that weight.
func followPlan(t *tick) (done bool) {
	next, step := &t.plan.Next, t.step()
	if step.Weight == next.CanaryWeight || strategy.WithoutTraffic(t.policy) || next.Paused != nil {
		return true
	}
	replicas := ensureCanary(t, max(strategy.Share(t.load()), strategy.Share(step)))
	if why := t.canaryNotReady(replicas); why != "" && step.Weight > next.CanaryWeight {
		writeSplit(t)
		waitFor(t, fmt.Sprintf("Scaling the canary for %s: %s", t.aim(next.Rollout.Step.Number), why))
		return false
	}
	next.Phase = v1alpha1.PhaseProgressing
	enterStep(t, next.Rollout.Step.Number)
	return false
}

// wayOut says what happens to requests that the primary cannot answer, and what a user can do.
func (f Facts) wayOut() string {
	back := fmt.Sprintf("to have the primary answer, change the Service back: kubectl edit service %s -n %s", f.target.Service.Name, f.o.Namespace)
	switch {
	case f.takesAll():
		return fmt.Sprintf("the canary gets all requests as soon as it is ready, and is judged with them; %s; to skip the analysis: "+
			"kubectl sluice promote %s -n %s --skip-analysis", back, f.o.Name, f.o.Namespace)
	case f.o.InFlight() != nil:
		return fmt.Sprintf("%s; to give the primary the candidate without analysis: kubectl sluice promote %s -n %s --skip-analysis", back, f.o.Name, f.o.Namespace)
	}
	return fmt.Sprintf("%s; or try the candidate again: kubectl sluice retry %s -n %s", back, f.o.Name, f.o.Namespace)
}
