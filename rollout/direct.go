package rollout

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/plan"
)

// revisionAnnotation is the number that the Deployment controller increments when it rolls out another template.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// noticeTemplate compares the primary's template with the one seen last. It reports changes that are not a promotion: those
// that admission let through and those that it did not see. A new hash without a new revision is no change: another release
// of Sluice knows other fields, and another API server sets other defaults.
func noticeTemplate(t *tick) {
	if t.o.Primary == nil || !t.o.OptedIn() {
		return
	}
	before := t.before.Primary
	now := &v1alpha1.PrimaryStatus{Template: t.o.PrimaryHash(), Revision: t.o.Primary.Annotations[revisionAnnotation]}
	if before != nil && before.Template == now.Template {
		return
	}
	if direct := t.o.Direct; direct != nil && direct.Hash == now.Template {
		recordDirect(t, *direct)
	} else if before != nil && (t.before.Phase == v1alpha1.PhaseOptedOut || !t.swaps()) {
		if before.Revision == now.Revision {
			return
		}
		recordDirect(t, t.unrecorded(now.Template))
	}
	t.plan.Next.Primary = now
}

// unrecorded describes a change of the primary's template of which admission has kept no record.
func (f Facts) unrecorded(hash string) workload.Direct {
	if f.before.Phase == v1alpha1.PhaseOptedOut {
		return workload.Direct{Hash: hash, How: workload.DirectOptedOut, Reason: "it was changed while the Deployment was opted out", At: f.o.Now}
	}
	return workload.Direct{Hash: hash, How: events.Unseen, Reason: "admission did not see it", At: f.o.Now}
}

// noteRevision updates the revision if the state is written anyway. A new revision alone is not worth a write.
func noteRevision(t *tick) {
	next := &t.plan.Next
	if next.Primary == nil || t.o.Primary == nil {
		return
	}
	revision := t.o.Primary.Annotations[revisionAnnotation]
	if next.Primary.Revision != revision && !equality.Semantic.DeepEqual(*next, t.before) {
		next.Primary.Revision = revision
	}
}

// swaps reports whether a promotion changes or restores the primary's template.
func (f Facts) swaps() bool {
	return f.before.Phase == v1alpha1.PhasePromoting || f.before.Phase == v1alpha1.PhaseFinalising || f.o.Previous != nil
}

// isChangedUnseen reports whether the candidate in flight was judged against a primary that no longer exists.
func (t tick) isChangedUnseen() bool {
	return t.plan.Direct == events.Unseen && t.undecided()
}

func cancelChangedUnseen(t *tick) {
	decideOutcome(t, v1alpha1.OutcomeCancelled, "the primary's template was changed, and admission did not see it")
	finalise(t)
}

// settleDirect asks admission to forget a direct change that has been reported.
func settleDirect(t *tick) {
	if t.o.OptedIn() && t.o.Direct != nil && t.plan.Ask.Key == "" && t.plan.Direct == "" {
		t.plan.Ask = plan.AskIntent{Key: config.AnnotationSettle, Of: t.o.Direct.ID()}
	}
}

// whyTakenBack says what happened to a candidate that is gone.
func (t tick) whyTakenBack() string {
	if direct := t.o.Direct; direct != nil && t.plan.Next.Primary != nil && direct.Hash == t.plan.Next.Primary.Template {
		return fmt.Sprintf("template %s was applied directly (%s: %s)", workload.Short(direct.Hash), direct.How, direct.Reason)
	}
	return "the change was taken back"
}
