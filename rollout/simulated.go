package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// dryRun is what was really observed and a simulation must keep.
type dryRun struct {
	// real is set while a rollout that is not simulated is open or awaited.
	real bool
	// primary is what the primary runs.
	primary v1alpha1.PrimaryStatus
}

func dryRunOf(state observed.State, o observed.World) dryRun {
	open := observed.Active(state) || o.InFlight() != nil || o.Previous != nil || o.CanaryDeployment != nil || len(o.Splits()) > 0
	dry := dryRun{real: !state.DryRun && open}
	if o.Primary != nil {
		dry.primary = v1alpha1.PrimaryStatus{Template: o.PrimaryHash(), Revision: o.Primary.Annotations[revisionAnnotation]}
	}
	return dry
}

// withoutHooks is a policy that calls no hook. A hook acts outside the cluster, which would be an effect.
func withoutHooks(policy config.Policy) config.Policy {
	policy.Hooks = nil
	return policy
}

// simulated is what would be observed if admission had held back the template that the primary got after its last
// promotion. The canary is as ready as the primary, and every split is in effect.
func simulated(state observed.State, o observed.World) observed.World {
	o.Candidate, o.Previous, o.Directs, o.CanaryDeployment, o.CanaryService, o.ReadyEndpoints = nil, nil, nil, nil, nil, 0
	if o.Primary == nil || state.Primary == nil {
		return o
	}
	changed := o.PrimaryHash()
	o.Primary = o.Primary.DeepCopy()
	metav1.SetMetaDataAnnotation(&o.Primary.ObjectMeta, revisionAnnotation, state.Primary.Revision)
	if changed == state.Primary.Template {
		return o
	}
	return simulatedChange(state, o, changed)
}

// simulatedChange is what would be observed of a rollout of the primary's template.
func simulatedChange(state observed.State, o observed.World, changed string) observed.World {
	judged := state.Candidate.Hash == changed
	switch {
	case judged && state.Candidate.Outcome == v1alpha1.OutcomeSucceeded:
		return o
	case judged && state.Phase == v1alpha1.PhasePromoting && !state.Open().Promotion.Restoring:
		id := observed.IDOf(state)
		o.Previous = &workload.Previous{Hash: state.Primary.Template, Promoted: changed, Attempt: id.Attempt, At: id.At, By: dryRequester}
	default:
		o.Candidate = simulatedCandidate(state, o, changed)
	}
	if state.Open().Promotion.Restoring {
		becomesReady(o.Primary)
	}
	if observed.Active(state) && state.Phase != v1alpha1.PhaseFinalising {
		o.CanaryDeployment, o.CanaryService = simulatedCanary(state, o), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace}}
		o.ReadyEndpoints = o.Primary.Status.AvailableReplicas
	}
	return o
}

// simulatedCandidate is the primary's template as if it were held back.
func simulatedCandidate(state observed.State, o observed.World, hash string) *workload.Candidate {
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

// becomesReady makes the primary complete, as it becomes when it gets a working template back.
func becomesReady(d *appsv1.Deployment) {
	replicas := workload.Replicas(d)
	d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = d.Generation, replicas, replicas, replicas
}

// simulatedCanary has the primary's pods, which already run the candidate.
func simulatedCanary(state observed.State, o observed.World) *appsv1.Deployment {
	made := o.Primary.DeepCopy()
	made.Name = workload.CanaryName(o.Name)
	metav1.SetMetaDataAnnotation(&made.ObjectMeta, config.AnnotationTemplateHash, observed.IDOf(state).String())
	return made
}

// continued is the state that a tick continues from. What was simulated means nothing once the dry run is switched off. A
// phase without its rollout, or a rollout without its phase, remains after a lost write.
func continued(state observed.State, o observed.World) observed.State {
	switch {
	case state.DryRun && !o.DryRun:
		return observed.State{CanaryRecord: state.CanaryRecord}
	case !observed.Active(state):
		state.Rollout = nil
	case state.Rollout == nil:
		state.Rollout = &v1alpha1.RolloutStatus{}
	}
	return state
}
