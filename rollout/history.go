package rollout

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

// mostEntries is how many ended rollouts a Canary remembers.
const mostEntries = 10

// WithEntry returns the history with a new first entry, without the oldest entries beyond the limit. It fills in the
// duration.
func WithEntry(history []v1alpha1.HistoryEntry, entry v1alpha1.HistoryEntry) []v1alpha1.HistoryEntry {
	if entry.Started != nil {
		entry.Duration = entry.Finished.Sub(entry.Started.Time).Round(100 * time.Millisecond).String()
	}
	return append([]v1alpha1.HistoryEntry{entry}, history[:min(len(history), mostEntries-1)]...)
}

// remember adds the rollout that ends now to the history. A rollout whose state was lost has no candidate to name.
func remember(t *tick) {
	ended := t.plan.Next.Candidate
	if ended.Hash == "" {
		return
	}
	entry := v1alpha1.HistoryEntry{
		Candidate: ended.Hash,
		Attempt:   ended.Attempt,
		Images:    slices.Clone(ended.Images),
		Started:   t.plan.Next.Open().Started,
		Finished:  metav1.NewMicroTime(t.o.Now),
		Outcome:   ended.Outcome,
		Reason:    ended.Reason,
		Compared:  t.compared(),

		GroupFailure: ended.GroupFailure,
	}
	if ended.Requested != nil {
		entry.By, entry.Requested = ended.Requested.By, ended.Requested.At
	}
	t.plan.Next.History = WithEntry(t.plan.Next.History, entry)
}

// recordDirect reports a change of the template without a canary and adds it to the history.
func recordDirect(t *tick, direct workload.Direct) {
	t.plan.Directs = append(t.plan.Directs, direct.How)
	emit(t, events.ChangedDirectly(direct))
	var images []string
	if direct.Hash == t.o.PrimaryHash() {
		images = workload.Images(t.o.Primary.Spec.Template.Spec)
	}
	t.plan.Next.History = WithEntry(t.plan.Next.History, v1alpha1.HistoryEntry{
		Candidate: direct.Hash,
		Images:    images,
		By:        direct.By,
		Requested: stampOf(direct.At),
		Finished:  metav1.NewMicroTime(t.o.Now),
		Outcome:   v1alpha1.OutcomeDirect,
		Reason:    fmt.Sprintf("%s: %s", direct.How, direct.Reason),
	})
}

// fresh is a state for another candidate. It keeps what does not belong to a single candidate.
func (t tick) fresh(phase v1alpha1.Phase) observed.State {
	return observed.State{CanaryRecord: t.plan.Next.CanaryRecord, CanaryStanding: t.plan.Next.CanaryStanding, Phase: phase}
}

// about is a fresh state for the candidate that the primary holds back.
func (t tick) about(phase v1alpha1.Phase) observed.State {
	candidate := t.o.Candidate
	state := t.fresh(phase)
	state.Candidate = v1alpha1.CandidateStatus{
		Hash: candidate.Hash, Attempt: candidate.Attempt, Images: imagesOf(candidate.Template),
		Requested: &v1alpha1.Requester{By: candidate.By, At: stampOf(candidate.At)},
	}
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
