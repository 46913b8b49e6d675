package rollout

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

// mostEntries is how many ended rollouts a Canary remembers.
const mostEntries = 10

// WithEntry returns the history with one more entry at its beginning, and without those that are too many. It fills in
// the duration.
func WithEntry(history []v1alpha1.HistoryEntry, entry v1alpha1.HistoryEntry) []v1alpha1.HistoryEntry {
	if entry.Started != nil {
		entry.Duration = entry.Finished.Sub(entry.Started.Time).Round(100 * time.Millisecond).String()
	}
	return append([]v1alpha1.HistoryEntry{entry}, history[:min(len(history), mostEntries-1)]...)
}

// remember adds the rollout that ends now to the history. One whose state was lost has no candidate to tell of.
func remember(t *tick) {
	next := &t.plan.Next
	if next.Candidate == "" {
		return
	}
	entry := v1alpha1.HistoryEntry{
		Candidate: next.Candidate,
		Attempt:   next.Attempt,
		Images:    slices.Clone(next.Images),
		Started:   next.Started,
		Finished:  metav1.NewMicroTime(t.o.Now),
		Outcome:   next.Outcome,
		Reason:    next.Reason,

		GroupFailure: next.GroupFailure,
	}
	if next.Requested != nil {
		entry.By, entry.Requested = next.Requested.By, next.Requested.At
	}
	next.History = WithEntry(next.History, entry)
}

// fresh is a state for another candidate: it keeps what does not belong to a single rollout.
func (t tick) fresh(phase v1alpha1.Phase) State {
	next := t.plan.Next
	return State{
		LastTransitionTime: next.LastTransitionTime,
		Conditions:         next.Conditions,
		History:            next.History,
		Primary:            next.Primary,
		Paused:             next.Paused,
		Frozen:             next.Frozen,
		DryRun:             next.DryRun,
		LastRequest:        next.LastRequest,
		Phase:              phase,
	}
}

// about is a fresh state for the candidate that the primary holds back.
func (t tick) about(phase v1alpha1.Phase) State {
	candidate := t.o.Candidate
	state := t.fresh(phase)
	state.Candidate, state.Attempt = candidate.Hash, candidate.Attempt
	state.Images = imagesOf(candidate.Template)
	state.Requested = &v1alpha1.Requester{By: candidate.By, At: &metav1.Time{Time: candidate.At}}
	return state
}

// imagesOf lists the images of a template's containers.
func imagesOf(template workload.Template) []string {
	pod, err := template.Pod()
	if err != nil {
		return nil
	}
	return workload.Images(pod.Spec)
}
