package rollout

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

const (
	// born is how soon after its creation a Deployment gets its first condition.
	born = 10 * time.Second
	// neverAvailable is how long a primary must have been seen to be unavailable if none of its replicas has ever been
	// available. A status that somebody has patched is corrected earlier.
	neverAvailable = 10 * time.Second
	// endpointsLook is how often the endpoints of a primary without available replicas are looked at while a candidate depends on
	// it. Nothing watches them.
	endpointsLook = 5 * time.Second
)

// tellsAvailability reports whether a primary that serves nobody says something about its template. While a promotion changes it,
// or nobody wants replicas, it does not.
func (t tick) tellsAvailability() bool {
	return t.o.Primary != nil && t.o.OptedIn() && !t.o.DryRun && !t.isSwapping() && !t.isScaledToZero()
}

// noticeAvailability notes since when the primary serves nobody.
func noticeAvailability(t *tick) {
	next := &t.plan.Next
	switch {
	case !t.tellsAvailability() || t.hasReadyReplicas():
		next.UnavailableSince = nil
		return
	case t.o.PrimaryEndpoints > 0:
		next.UnavailableSince = nil
		if t.o.InFlight() != nil {
			wakeIn(t, endpointsLook)
		}
		return
	case next.UnavailableSince == nil:
		next.UnavailableSince = t.stamp()
	}
	if left := t.unavailableUntil().Sub(t.o.Now); left > 0 && t.o.InFlight() != nil {
		wakeIn(t, left)
	}
}

// isSwapping reports whether a promotion changes the primary or is about to restore it. A primary that has its previous template
// back serves or does not, like any other.
func (f Facts) isSwapping() bool {
	return f.o.Previous != nil || f.before.Phase == v1alpha1.PhasePromoting && !f.before.Open().Promotion.Restoring
}

func (f Facts) isScaledToZero() bool {
	return workload.Replicas(f.o.Primary) == 0
}

// hasReadyReplicas reports whether replicas of the primary work. Before minReadySeconds have passed they do not count as
// available, but serve.
func (f Facts) hasReadyReplicas() bool {
	return f.o.Primary.Status.AvailableReplicas > 0 || f.o.Primary.Status.ReadyReplicas > 0
}

// isUnavailable reports whether the primary serves nobody and its changes need no canary then.
func (t tick) isUnavailable() bool {
	return t.plan.Next.UnavailableSince != nil && !t.judgesUnavailable()
}

func (f Facts) judgesUnavailable() bool {
	return f.o.Primary.Annotations[config.AnnotationWhenUnavailable] == config.WhenUnavailableCanary
}

// unavailableUntil is when the primary will have been unavailable for the time that the policy asks for, or for a short time
// if it has never been available. Time in which nobody looked does not count, nor time before the Deployment controller last
// saw the primary become unavailable.
func (t tick) unavailableUntil() time.Time {
	since := t.seenSince(t.plan.Next.UnavailableSince.Time)
	if t.wasNeverAvailable() {
		return since.Add(neverAvailable)
	}
	if known := t.availability(); known != nil && known.Status != corev1.ConditionTrue {
		since = later(since, known.LastTransitionTime.Time)
	}
	return since.Add(t.policy.UnavailableAfter)
}

// wasNeverAvailable reports whether no replica has been available since the Deployment was created, by its status. There is
// nothing then that a canary could be compared with.
func (f Facts) wasNeverAvailable() bool {
	known, created := f.availability(), f.o.Primary.CreationTimestamp.Time
	return known != nil && known.Status == corev1.ConditionFalse && known.LastTransitionTime.Sub(created) <= born
}

func (f Facts) availability() *appsv1.DeploymentCondition {
	for i, condition := range f.o.Primary.Status.Conditions {
		if condition.Type == appsv1.DeploymentAvailable {
			return &f.o.Primary.Status.Conditions[i]
		}
	}
	return nil
}

// goesStraight reports whether the candidate goes to the primary without a canary, because the primary serves nobody.
func (t tick) goesStraight() bool {
	return t.servesNobody() && !t.judgesUnavailable()
}

// servesNobody reports whether there is a candidate and a canary would have nothing to be compared with: the primary has been
// unavailable for long enough, or is scaled to 0 and was when the candidate was asked for.
func (t tick) servesNobody() bool {
	candidate := t.o.InFlight()
	switch {
	case candidate == nil || t.o.Primary == nil || t.o.DryRun:
		return false
	case t.isScaledToZero():
		return candidate.AtZero
	}
	return t.plan.Next.UnavailableSince != nil && !t.o.Now.Before(t.unavailableUntil())
}

// letStraight asks admission to put the candidate in.
func letStraight(t *tick) {
	t.plan.Next = t.asWaiting()
	t.plan.Ask = t.askLetThrough()
	say(t, "The primary serves nobody: applying the candidate to it without a canary")
}

func (f Facts) askLetThrough() plan.AskIntent {
	return plan.AskIntent{Key: config.AnnotationLetThrough, Of: f.o.Candidate.ID(), Keep: f.keeps()}
}

// letNewerStraight lets a newer candidate through while a rollout ends that cannot, because the primary serves nobody: the canary
// keeps its requests, or the previous template that the primary has back does not become ready. What holds a start holds it
// too, and is told: the candidate may be what mends the primary.
func letNewerStraight(t *tick) {
	next := t.plan.Next
	ends := next.Phase == v1alpha1.PhaseFinalising || next.Open().Promotion.Restoring
	if !ends || t.plan.Ask.Key != "" || !t.servesNobody() || observed.Describes(next, t.o.Candidate) {
		return
	}
	if why := t.holdsNewer(); why != "" {
		tellHeldNewer(t, why)
		return
	}
	t.plan.Ask = t.askLetThrough()
}

// holdsNewer says what holds a newer candidate that would go straight to the primary; empty when nothing does.
func (t tick) holdsNewer() string {
	switch held := t.heldStraight(); {
	case t.plan.Next.Paused != nil:
		return t.plan.Next.Paused.Text
	case t.frozen.Start != "":
		return t.frozen.Start
	case held != "":
		return held + "; to apply it without a canary: " + t.bypassing()
	}
	return ""
}

// heldStraight says why the policy holds a newer candidate that would go straight to the primary while a rollout ends; empty when
// it does not. A hook can approve a candidate only when the state describes it, which is after the end.
func (f Facts) heldStraight() string {
	switch {
	case f.judgesUnavailable():
		return fmt.Sprintf("annotation %s asks for a canary, which starts once the present rollout has ended", config.AnnotationWhenUnavailable)
	case len(hooksOf(f.policy, v1alpha1.HookConfirmRollout)) > 0:
		return "its confirm-rollout hooks can be asked only once the present rollout has ended"
	}
	return ""
}

// bypassing is how a template gets to the primary at once.
func (f Facts) bypassing() string {
	return fmt.Sprintf("kubectl annotate deployment %s -n %s \"%s=TIME; REASON\" with a time at most an hour ahead, and apply the template again",
		f.o.Name, f.o.Namespace, config.AnnotationBypass)
}

// tellHeldNewer says what holds the candidate that may mend the primary. An event reports it once, and again when it changes.
func tellHeldNewer(t *tick, why string) {
	cause := v1alpha1.BlockedCause{Kind: v1alpha1.BlockedUnavailable, Text: why}
	t.plan.Next.Blocked = &cause
	if !ptr.Equal(t.before.Blocked, &cause) {
		emit(t, events.CandidateBlocked(t.o.Candidate.Hash, why))
	}
	if told := fmt.Sprintf("; template %s waits: %s", workload.Short(t.o.Candidate.Hash), why); !strings.HasSuffix(t.plan.Next.Message, told) {
		t.plan.Next.Message += told
	}
}

// awaitAvailability makes a candidate wait for a primary that may be unavailable for a moment only.
func awaitAvailability(t *tick) {
	blockCandidate(t, v1alpha1.BlockedUnavailable, fmt.Sprintf(
		"the primary has no available replica: the rollout starts when it has one; if it has none until %s, the change rolls out directly",
		events.ClockTime(t.unavailableUntil())))
}
