package rollout

import (
	"fmt"
	"slices"

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
	now := t.primaryWith(t.o.PrimaryHash())
	reportDirects(t)
	if before != nil && before.Template == now.Template {
		t.plan.Next.Primary = before.DeepCopy()
		return
	}
	isRecorded := slices.ContainsFunc(t.o.Directs, func(direct workload.Direct) bool { return direct.Hash == now.Template })
	if !isRecorded && before != nil && (t.before.Phase == v1alpha1.PhaseOptedOut || !t.swaps()) {
		if before.Revision == now.Revision {
			return
		}
		recordDirect(t, t.unrecorded(now.Template))
	}
	t.plan.Next.Primary = now
}

// reportDirects reports what admission has let through since the last report: who changed the template directly, and who opted out.
func reportDirects(t *tick) {
	for _, direct := range t.unreported() {
		if direct.Dropped > 0 {
			emit(t, events.ChangesUnlisted(direct.Dropped))
		}
		if direct.How == workload.DirectOptedOut {
			reportOptOut(t, direct)
			continue
		}
		recordDirect(t, direct)
		t.plan.Next.Primary = t.primaryWith(direct.Hash)
	}
}

// primaryWith is the primary once it runs a template.
func (f Facts) primaryWith(hash string) *v1alpha1.PrimaryStatus {
	return &v1alpha1.PrimaryStatus{Template: hash, Revision: f.o.Primary.Annotations[revisionAnnotation]}
}

// unreported are the direct changes after the last one that is in the history. Admission forgets them only after that, and may be
// asked late, or twice.
func (f Facts) unreported() workload.Directs {
	for i := len(f.o.Directs) - 1; i >= 0; i-- {
		id := f.o.Directs[i].ID()
		if slices.ContainsFunc(f.before.History, func(entry v1alpha1.HistoryEntry) bool {
			return entry.Requested != nil && id.Is(workload.ID{Hash: entry.Candidate, At: entry.Requested.Time})
		}) {
			return f.o.Directs[i+1:]
		}
	}
	return f.o.Directs
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
	return slices.Contains(t.plan.Directs, events.Unseen) && t.undecided()
}

func cancelChangedUnseen(t *tick) {
	decideOutcome(t, v1alpha1.OutcomeCancelled, "the primary's template was changed, and admission did not see it")
	finalise(t)
}

// settleDirect asks admission to forget the direct changes that have been reported.
func settleDirect(t *tick) {
	if last := t.o.Directs.Last(); t.o.OptedIn() && last != nil && t.plan.Ask.Key == "" && len(t.unreported()) == 0 {
		t.plan.Ask = plan.AskIntent{Key: config.AnnotationSettle, Of: last.ID()}
	}
}

// whyTakenBack says what happened to a candidate that is gone.
func (t tick) whyTakenBack() string {
	if direct := t.o.Directs.Last(); direct != nil && t.plan.Next.Primary != nil && direct.Hash == t.plan.Next.Primary.Template {
		return fmt.Sprintf("template %s was applied directly (%s: %s)", workload.Short(direct.Hash), direct.How, direct.Reason)
	}
	return "the change was taken back"
}
