package rollout

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
)

// restOptedOut keeps the Canary of a Deployment that was opted out, so that its history outlives opting out and in again. A
// Canary that has never known an opted-in Deployment is deleted. Of the grants in other namespaces, those stay that the routes
// still need.
func restOptedOut(t *tick) {
	t.plan.Finalizer = false
	if t.before.Phase == "" {
		t.plan.DeleteCanary = true
		return
	}
	planGrants(t, nil)
	reportDirects(t)
	next := &t.plan.Next
	if t.before.Phase == v1alpha1.PhaseOptedOut {
		return
	}
	if !t.isOptOutRecorded() {
		reportOptOut(t, t.optedOut())
	}
	*next = t.fresh(v1alpha1.PhaseOptedOut)
	next.Paused, next.Frozen = nil, ""
	say(t, fmt.Sprintf("Opted out by %s: changes of the pod template roll out directly", t.optedOut().By))
}

// optedOut is who opted the Deployment out, and how. Admission may not have seen it.
func (f Facts) optedOut() workload.Direct {
	if f.isOptOutRecorded() {
		return *f.o.Directs.Last()
	}
	return workload.Direct{Hash: f.o.PrimaryHash(), How: workload.DirectOptedOut, Reason: "admission did not see it", By: events.Who("", ""), At: f.o.Now}
}

// isOptOutRecorded reports whether admission has seen who opted the Deployment out.
func (f Facts) isOptOutRecorded() bool {
	last := f.o.Directs.Last()
	return last != nil && last.How == workload.DirectOptedOut
}

// reportOptOut reports that the Deployment was opted out, and first the change of the template that came with it. What the
// primary runs from now on is compared with that template at the next opt-in.
func reportOptOut(t *tick, out workload.Direct) {
	next := &t.plan.Next
	if next.Primary != nil && next.Primary.Template != out.Hash {
		recordDirect(t, out)
	}
	next.Primary = t.primaryWith(out.Hash)
	next.History = WithEntry(next.History, v1alpha1.HistoryEntry{
		Candidate: out.Hash,
		Images:    workload.Images(t.o.Primary.Spec.Template.Spec),
		By:        out.By,
		Requested: stampOf(out.At),
		Finished:  metav1.NewMicroTime(t.o.Now),
		Outcome:   v1alpha1.OutcomeOptedOut,
		Reason:    out.Reason,
	})
	emit(t, events.OptedOut(out))
}
