package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

const (
	dryPrefix = "Dry run: "
	// dryLook is how often a simulated rollout goes on: nothing changes in the cluster that would wake it.
	dryLook = time.Second
	// dryRequester stands for the user of a change that admission let through without keeping who asked.
	dryRequester = "a direct change"
)

// dryRun is what a simulation must not lose of what was really observed.
type dryRun struct {
	// real is set while a rollout is open, or awaited, that is none of a dry run.
	real bool
	// primary is what the primary runs.
	primary v1alpha1.PrimaryStatus
}

func dryRunOf(state State, o Observation) dryRun {
	open := Active(state) || o.inFlight() != nil || o.Previous != nil || o.Copy != nil || len(o.splits()) > 0
	dry := dryRun{real: !state.DryRun && open}
	if o.Primary != nil {
		dry.primary = v1alpha1.PrimaryStatus{Template: o.primaryHash(), Revision: o.Primary.Annotations[revisionAnnotation]}
	}
	return dry
}

// decideDry takes a simulated rollout through its tick: the primary already runs the candidate, and its numbers are those of
// the new version. The plan has no effects.
func decideDry(f Facts) Plan {
	switch {
	case f.o.DeletedAt != nil:
		return deletedDry(f)
	case f.dry.real:
		plan := Plan{Next: *f.before.DeepCopy(), Finalizer: f.o.Finalizer}
		plan.Next.Message = dryPrefix + "the rollout that was already open stays as it is until dry run is switched off"
		return plan
	}
	return f.withoutEffects(decide(f))
}

// deletedDry lets go of a Canary that is being deleted, so that its namespace can go as well, unless a route still sends
// requests to what goes with it: a dry run changes no route.
func deletedDry(f Facts) Plan {
	plan := Plan{Next: *f.before.DeepCopy()}
	carried := f.carried()
	if !f.o.Finalizer || carried == "" {
		return plan
	}
	plan.Finalizer, plan.Wait = true, CleanUpLimit
	plan.Next.Message = fmt.Sprintf("%sthe Canary's deletion waits: %s, and a dry run changes no route: switch dry run off, or delete the route", dryPrefix, carried)
	cause := v1alpha1.BlockedCause{Kind: v1alpha1.BlockedDeletion, Text: carried}
	if f.before.Blocked == nil || *f.before.Blocked != cause {
		plan.Events = []Event{deletionHeld(plan.Next.Message)}
	}
	plan.Next.Blocked = &cause
	return plan
}

// withoutHooks is a policy that asks and tells nobody: what a hook does outside of the cluster would be an effect.
func withoutHooks(policy config.Policy) config.Policy {
	policy.Hooks = nil
	return policy
}

// withoutEffects keeps what a plan says and drops what it does.
func (f Facts) withoutEffects(plan Plan) Plan {
	next := &plan.Next
	plan.Copy, plan.Split, plan.Ask, plan.Direct, plan.Tells = CopyIntent{}, SplitIntent{}, AskIntent{}, "", nil
	plan.Cohorts, plan.Generate = CohortIntent{}, GenerateIntent{}
	plan.Finalizer, plan.DeleteCanary = f.o.Finalizer, false
	for i := range plan.Events {
		plan.Events[i].Message = dryPrefix + plan.Events[i].Message
	}
	next.DryRun = true
	if Active(f.before) && !Active(*next) && len(next.History) > 0 {
		next.History = slices.Clone(next.History)
		next.History[0].Reason = strings.TrimSuffix(dryPrefix+next.History[0].Reason, ": ")
		if next.Phase == v1alpha1.PhaseSucceeded {
			primary := f.dry.primary
			next.Primary = &primary
		}
	}
	if Active(*next) && (plan.Wait == 0 || plan.Wait > dryLook) {
		plan.Wait = dryLook
	}
	return plan
}

// simulated is what would be observed, had admission held back the template that the primary got since it was last promoted:
// a canary that is ready as the primary is. Every split is taken to be in effect.
func simulated(state State, o Observation) Observation {
	o.Candidate, o.Previous, o.Direct, o.Copy, o.CopyService, o.ReadyEndpoints = nil, nil, nil, nil, nil, 0
	if o.Primary == nil || state.Primary == nil {
		return o
	}
	changed := o.primaryHash()
	o.Primary = o.Primary.DeepCopy()
	metav1.SetMetaDataAnnotation(&o.Primary.ObjectMeta, revisionAnnotation, state.Primary.Revision)
	if changed == state.Primary.Template {
		return o
	}
	return simulatedChange(state, o, changed)
}

// simulatedChange is what would be observed of a rollout of the primary's template.
func simulatedChange(state State, o Observation, changed string) Observation {
	judged := state.Candidate.Hash == changed
	switch {
	case judged && state.Candidate.Outcome == v1alpha1.OutcomeSucceeded:
		return o
	case judged && state.Phase == v1alpha1.PhasePromoting && !state.Open().Promotion.Restoring:
		o.Previous = &workload.Previous{Hash: state.Primary.Template, Promoted: changed, By: dryRequester}
	default:
		o.Candidate = simulatedCandidate(state, o, changed)
	}
	if state.Open().Promotion.Restoring {
		becomesReady(o.Primary)
	}
	if Active(state) && state.Phase != v1alpha1.PhaseFinalising {
		o.Copy, o.CopyService = simulatedCopy(state, o), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace}}
		o.ReadyEndpoints = o.Primary.Status.AvailableReplicas
	}
	return o
}

// simulatedCandidate is the template of the primary, as if it were held back.
func simulatedCandidate(state State, o Observation, hash string) *workload.Candidate {
	template, err := workload.TemplateOf(o.Primary.Spec.Template)
	if err != nil {
		return nil
	}
	candidate := &workload.Candidate{Hash: hash, Template: template, By: dryRequester, At: o.Now}
	if state.Candidate.Hash != hash {
		return candidate
	}
	if state.Candidate.Requested != nil && state.Candidate.Requested.At != nil {
		candidate.At = state.Candidate.Requested.At.Time
	}
	switch state.Candidate.Outcome {
	case v1alpha1.OutcomeFailed:
		candidate.Mark = workload.MarkFailed
	case v1alpha1.OutcomeAborted:
		candidate.Mark = workload.MarkAborted
	}
	return candidate
}

// becomesReady is what a primary does when it gets a template back that worked.
func becomesReady(d *appsv1.Deployment) {
	replicas := workload.Replicas(d)
	d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = d.Generation, replicas, replicas, replicas
}

// simulatedCopy has the pods of the primary, which run the candidate already.
func simulatedCopy(state State, o Observation) *appsv1.Deployment {
	made := o.Primary.DeepCopy()
	made.Name = workload.CanaryName(o.Name)
	metav1.SetMetaDataAnnotation(&made.ObjectMeta, config.AnnotationTemplateHash, state.Candidate.Hash)
	return made
}
