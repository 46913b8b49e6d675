package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

const (
	dryPrefix = "Dry run: "
	// dryLook is how often a simulated rollout continues. Nothing in the cluster changes that would wake it.
	dryLook = time.Second
	// dryRequester stands in for the user of a change that admission let through without recording the user.
	dryRequester = "a direct change"
)

// decideDry plans one tick of a simulated rollout. The primary already runs the candidate, so its metrics are those of the
// new version. The plan has no effects.
func decideDry(f Facts) plan.Plan {
	switch {
	case f.o.DeletedAt != nil:
		return deletedDry(f)
	case f.dry.real:
		p := plan.Plan{Next: *f.before.DeepCopy(), Finalizer: f.o.Finalizer}
		p.Next.Message = f.spoken("the rollout that was already open stays as it is until dry run is switched off")
		return p
	}
	return f.withoutEffects(decide(f))
}

// deletedDry releases a Canary that is being deleted, so that its namespace can be deleted too. It waits while a route
// still sends requests to the canary, because a dry run changes no route.
func deletedDry(f Facts) plan.Plan {
	p := plan.Plan{Next: *f.before.DeepCopy()}
	carried := f.carried()
	if !f.o.Finalizer || carried == "" {
		return p
	}
	p.Finalizer, p.Wait = true, cleanUpLimit
	p.Next.Message = f.spoken(fmt.Sprintf("the Canary's deletion waits: %s, and a dry run changes no route: switch dry run off, or delete the route", carried))
	cause := v1alpha1.BlockedCause{Kind: v1alpha1.BlockedDeletion, Text: carried}
	if !ptr.Equal(f.before.Blocked, &cause) {
		p.Events = []events.Event{events.DeletionHeld(p.Next.Message)}
	}
	p.Next.Blocked = &cause
	return p
}

// withoutEffects keeps the state and the events of a plan and drops its effects.
func (f Facts) withoutEffects(p plan.Plan) plan.Plan {
	next := &p.Next
	p.Canary, p.Split, p.Ask, p.Directs, p.Tells = plan.CanaryIntent{}, plan.SplitIntent{}, plan.AskIntent{}, nil, nil
	p.Cohorts, p.Generate = plan.CohortIntent{}, plan.GenerateIntent{}
	p.Finalizer, p.DeleteCanary = f.o.Finalizer, false
	for i := range p.Events {
		p.Events[i].Message = dryPrefix + p.Events[i].Message
	}
	next.DryRun = true
	if observed.Active(f.before) && !observed.Active(*next) && len(next.History) > 0 {
		next.History = slices.Clone(next.History)
		next.History[0].Reason = strings.TrimSuffix(dryPrefix+next.History[0].Reason, ": ")
		if next.Phase == v1alpha1.PhaseSucceeded {
			primary := f.dry.primary
			next.Primary = &primary
		}
	}
	if observed.Active(*next) && (p.Wait == 0 || p.Wait > dryLook) {
		p.Wait = dryLook
	}
	return p
}
