// Package rollout decides: from a policy, a state and what was observed it makes the plan of one tick. It is pure, so
// that whole rollouts run in tests without a cluster or a clock.
package rollout

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/freeze"
	"sluice.dev/sluice/internal/workload"
)

// Decide makes the plan of one tick. It is total: any state and any observation have a plan. Interrupts come first, in
// the order of their list; when none happens, the phase goes on. The policy is the present one: an open rollout keeps the one
// that it began with, which is in its state.
func Decide(policy config.Policy, state State, observation Observation) Plan {
	if observation.DryRun || state.DryRun {
		return decideDry(policy, state, observation)
	}
	return decide(policy, state, observation)
}

func decide(policy config.Policy, state State, observation Observation) Plan {
	t := begin(policy, state, observation)
	for _, interrupt := range interrupts {
		if interrupt.happens(t) {
			interrupt.handle(t)
			return t.finish()
		}
	}
	switch state.Phase {
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion:
		progressing(t)
	case v1alpha1.PhasePromoting:
		promoting(t)
	case v1alpha1.PhaseFinalising:
		finalising(t)
	default:
		idle(t)
	}
	return t.finish()
}

// tick is the plan in the making, and all that it is made from.
type tick struct {
	// policy is in force, latest is what annotations and policies say now, and kept is set while the two may differ.
	policy, latest config.Policy
	kept           bool
	// steps are those of the policy in force.
	steps []PlannedStep

	o       Observation
	before  State
	target  Target
	problem string
	frozen  freeze.Verdict
	// autoscaler sets the primary's replicas; nil when nothing does.
	autoscaler *workload.Autoscaler
	plan       Plan
}

func begin(policy config.Policy, state State, o Observation) *tick {
	t := &tick{policy: InForce(policy, state, o), latest: policy, kept: keeps(state), o: o, before: state}
	if o.DryRun {
		t.policy, t.latest = withoutHooks(t.policy), withoutHooks(t.latest)
	}
	t.steps = StrategyOf(t.policy).Steps(t.policy)
	t.plan.Next = *state.DeepCopy()
	t.plan.Finalizer = o.Finalizer
	if o.Primary != nil {
		t.target, t.problem = t.discover()
	}
	t.findAutoscaler()
	t.forgetFuture()
	t.noticeAnswers()
	t.noticeTemplate()
	t.noticePause()
	t.noticeFreeze()
	t.noticeGroup()
	t.plan.Next.Queue = nil
	t.noticeRequests()
	return t
}

func (t *tick) finish() Plan {
	t.boundReturn()
	t.noteCapacity()
	next := &t.plan.Next
	if next.Phase != t.before.Phase || next.CanaryWeight != t.before.CanaryWeight {
		next.LastTransitionTime = metav1.NewTime(t.o.Now)
	}
	if t.plan.Split.Action == SplitWrite {
		t.plan.Finalizer = true
	}
	if t.o.Primary != nil {
		t.showTarget()
		t.showSteps()
		t.showPolicy()
	}
	t.besides()
	t.settleDirect()
	t.setConditions()
	t.noteRevision()
	t.tellHooks()
	return t.plan
}

// showTarget keeps what a running rollout found when it began: the routes to clean up must be known to the end.
func (t *tick) showTarget() {
	if t.problem == "" || !Active(t.plan.Next) || t.plan.Next.Target == nil {
		t.plan.Next.Target = t.target.Status()
	}
}

// showSteps tells what is planned while a candidate is being judged or promoted.
func (t *tick) showSteps() {
	next := &t.plan.Next
	next.Strategy, next.Steps, next.FailureThreshold, next.NextStepTime, next.NextCheckTime = "", nil, 0, nil, nil
	if !Active(*next) || next.Phase == v1alpha1.PhaseFinalising {
		return
	}
	next.Strategy, next.Steps, next.FailureThreshold = StrategyOf(t.policy).Name, t.steps, t.policy.Threshold
	if !judging(*next) || next.Step == 0 || next.StepStarted == nil {
		return
	}
	check := t.nextCheck()
	if t.judges() {
		next.NextCheckTime = stampOf(check)
	}
	if next.Paused == "" {
		next.NextStepTime = stampOf(later(check, t.stepEnds()))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Active reports whether a rollout is open.
func Active(state State) bool {
	switch state.Phase {
	case v1alpha1.PhaseProgressing, v1alpha1.PhaseWaitingPromotion, v1alpha1.PhasePromoting, v1alpha1.PhaseFinalising:
		return true
	}
	return false
}

func (t *tick) event(event Event) {
	t.plan.Events = append(t.plan.Events, event)
}

// say sets the sentence that tells where the rollout stands.
func (t *tick) say(message string) {
	t.plan.Next.Message = message
}

// wakeIn asks for a tick no later than after this time.
func (t *tick) wakeIn(d time.Duration) {
	d = max(d, time.Millisecond)
	if t.plan.Wait == 0 || d < t.plan.Wait {
		t.plan.Wait = d
	}
}

func (t *tick) stamp() *metav1.MicroTime {
	return stampOf(t.o.Now)
}

func stampOf(at time.Time) *metav1.MicroTime {
	stamp := metav1.NewMicroTime(at)
	return &stamp
}

func (t *tick) sinceStart() time.Duration {
	if t.plan.Next.Started == nil {
		return 0
	}
	return t.o.Now.Sub(t.plan.Next.Started.Time)
}
