package rollout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
)

// request is jane's request for a candidate as admission records it.
func (w *world) request(candidate string, attempt int32) v1alpha1.Request {
	return v1alpha1.Request{Candidate: candidate, Attempt: &attempt, Reason: "bug 17", Stamp: w.stamp()}
}

func (w *world) stamp() v1alpha1.Stamp {
	return v1alpha1.Stamp{By: "jane", At: &metav1.Time{Time: w.now}}
}

func pausing(w *world) {
	w.tell("jane pauses the Canary")
	w.spec.Paused = &v1alpha1.Pause{Reason: "lunch", Stamp: w.stamp()}
}

func resuming(w *world) {
	w.tell("jane resumes the Canary")
	w.spec.Paused = nil
}

func aborting(candidate string, attempt int32) func(*world) {
	return func(w *world) {
		w.tell("jane asks to abort %s", candidate)
		request := w.request(candidate, attempt)
		w.spec.Abort = &request
	}
}

func retrying(candidate string, attempt int32) func(*world) {
	return func(w *world) {
		w.tell("jane asks to retry %s", candidate)
		request := w.request(candidate, attempt)
		w.spec.Retry = &request
	}
}

func promoting(candidate string, skip bool) func(*world) {
	return func(w *world) {
		w.tell("jane asks to promote %s, skipAnalysis %v", candidate, skip)
		w.spec.Promote = &v1alpha1.PromoteRequest{Request: w.request(candidate, 0), SkipAnalysis: skip}
	}
}

func after(d time.Duration) func(*world) bool {
	return func(w *world) bool { return w.now.Sub(epoch) > d }
}

func inPhase(phase v1alpha1.Phase) func(*world) bool {
	return func(w *world) bool { return w.state.Phase == phase }
}

var (
	failing = behaviour{successRate: 50, p99: 20, requests: 100}
	silent  = behaviour{successRate: 100, p99: 20, requests: 0}
	patient = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"}
)

var requestStories = map[string]story{
	"the Canary is paused in flight for longer than the progress deadline": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), pausing}, {after(3 * time.Minute), resuming}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a paused Canary whose version is bad is rolled back all the same": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), pausing}, {muchLater, resuming}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a change made while the Deployment is paused waits": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good, "v3": good},
		prepare: func(w *world) { w.primary.Spec.Paused = true },
		acts: []act{{immediately, setting("v2")}, {after(time.Minute), setting("v3")}, {after(3 * time.Minute), func(w *world) {
			w.tell("user resumes the Deployment")
			w.primary.Spec.Paused = false
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"nothing is promoted while the last step is paused": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), pausing}, {after(3 * time.Minute), resuming}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"paused while all requests are sent to the canary for a Recreate": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		prepare: recreate,
		acts:    []act{{immediately, setting("v2")}, {inPhase(v1alpha1.PhasePromoting), pausing}, {after(3 * time.Minute), resuming}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a request aborts only the attempt that it is for": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(2), aborting("v2", 0)}, {inPhase(v1alpha1.PhaseFailed), retrying("v2", 0)},
			{atStep(2), aborting("v2", 0)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a request aborts a candidate that waits": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: func(w *world) { w.primary.Spec.Paused = true },
		acts:    []act{{immediately, setting("v2")}, {inPhase(v1alpha1.PhaseWaiting), aborting("v2", 0)}},
		phase:   v1alpha1.PhaseFailed, version: "v1",
	},
	"a request for the candidate before is ignored": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good, "v3": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), setting("v3")}, {atStep(2), aborting("v2", 0)}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
	"a request does not outlive the change that it was for": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), aborting("v2", 0)}, {inPhase(v1alpha1.PhaseFailed), setting("v1")},
			{after(time.Minute), func(*world) {}}, {immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a failed candidate is judged again on request": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing},
		acts: []act{{immediately, setting("v2")}, {inPhase(v1alpha1.PhaseFailed), func(w *world) {
			w.behaviours = map[string]behaviour{"v2": good}
			retrying("v2", 0)(w)
		}}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a request promotes early once checks have passed": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), promoting("v2", false)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a request to promote waits for checks and fails with them": {
		annotations: quick, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), promoting("v2", false)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a request to promote without analysis promotes what has no requests": {
		annotations: quick, behaviours: map[string]behaviour{"v2": silent},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), promoting("v2", true)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a paused Canary is not promoted on request until it is resumed": {
		annotations: patient, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), pausing}, {after(10 * time.Second), promoting("v2", true)}, {after(3 * time.Minute), resuming}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the analysis is skipped by an annotation": {
		annotations: map[string]string{config.AnnotationSkipAnalysis: "true"}, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the analysis is skipped for a primary with strategy Recreate": {
		annotations: map[string]string{config.AnnotationSkipAnalysis: "true"}, behaviours: map[string]behaviour{"v2": failing},
		prepare: recreate,
		acts:    []act{{immediately, setting("v2")}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a canary that never gets ready fails although the analysis is skipped": {
		annotations: map[string]string{config.AnnotationSkipAnalysis: "true"}, behaviours: map[string]behaviour{"v2": {neverReady: true}},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// TestHistory checks the history of stories with every kind of end.
func TestHistory(t *testing.T) {
	for name, want := range map[string][]string{
		"a good version is promoted":                                           {"v2#0 Succeeded app=podinfo:v2 by jane, 35s: "},
		"a slow version is rolled back":                                        {"v2#0 Failed app=podinfo:v2 by jane, 54.5s: 5 failed checks: request-duration 900ms is above max 500ms"},
		"the change is taken back in flight":                                   {"v2#0 Cancelled app=podinfo:v2 by jane, 14.8s: the change was taken back"},
		"a newer version replaces the one in flight":                           {"v3#0 Succeeded", "v2#0 Superseded app=podinfo:v2 by jane, 14.7s: template v3 from jane replaces it"},
		"the primary does not get ready after promotion":                       {"v2#0 Failed app=podinfo:v2 by jane, 1m24.9s: the primary was not ready within 1m0s after promotion"},
		"the state is lost while a primary with strategy Recreate is promoted": {"v2#0 Succeeded app=podinfo:v2 by jane"},
		"somebody else requests the template in flight again":                  {"v2#0 Succeeded app=podinfo:v2 by mallory", "v2#0 Superseded app=podinfo:v2 by jane, 14.7s: mallory requested it again"},
		"a request aborts only the attempt that it is for":                     {"v2#1 Succeeded", "v2#0 Aborted app=podinfo:v2 by jane, 14.8s: aborted by jane: bug 17"},
		"a request aborts a candidate that waits":                              {"v2#0 Aborted app=podinfo:v2 by jane, : aborted by jane: bug 17"},
		"the analysis is skipped by an annotation":                             {"v2#0 Succeeded app=podinfo:v2 by jane, 300ms: promoted without analysis, requested by its policy"},
		"a paused Canary is not promoted on request until it is resumed":       {"v2#0 Succeeded app=podinfo:v2 by jane, 3m2.7s: promoted without analysis, requested by jane: bug 17"},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, stories[name], nil)
			var got []string
			for _, e := range w.state.History {
				got = append(got, fmt.Sprintf("%s#%d %s %s by %s, %s: %s", e.Candidate, e.Attempt, e.Outcome, strings.Join(e.Images, " "), e.By, e.Duration, e.Reason))
			}
			if len(got) != len(want) {
				t.Fatalf("the history is %q, not %q", got, want)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("entry %d is %q, which does not begin with %q", i, got[i], want[i])
				}
			}
		})
	}
}

func TestHistoryKeepsTen(t *testing.T) {
	var history []v1alpha1.HistoryEntry
	for i := range 12 {
		history = rollout.WithEntry(history, v1alpha1.HistoryEntry{Candidate: fmt.Sprint(i)})
	}
	if len(history) != 10 || history[0].Candidate != "11" || history[9].Candidate != "2" {
		t.Errorf("12 entries leave %v", history)
	}
}

// TestAbortIsMarkedOnTheDeployment checks the mark, because it outlives the Canary.
func TestAbortIsMarkedOnTheDeployment(t *testing.T) {
	for _, name := range []string{"a request aborts a candidate that waits"} {
		w := play(t, stories[name], nil)
		if w.candidate.Mark != workload.MarkAborted || w.candidate.MarkedBy != "jane" {
			t.Errorf("%s: the candidate is marked %q by %q", name, w.candidate.Mark, w.candidate.MarkedBy)
		}
	}
}
