package admission

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// hash is that of the candidate, other that of an earlier one.
var hash, other = strings.Repeat("7c9e41d2", 8), strings.Repeat("41aa07fe", 8)

// requestedAt is the status of a candidate that was requested some minutes after the tests' moment.
func requestedAt(minutes int) v1alpha1.CanaryStatus {
	at := metav1.NewMicroTime(stampBy("", minutes).At.Time)
	return v1alpha1.CanaryStatus{Phase: "Progressing", Candidate: v1alpha1.CandidateStatus{Hash: hash, Requested: &v1alpha1.Requester{At: &at}}}
}

// of binds a request to the candidate that was requested at this time.
func of(requested string, request *v1alpha1.Request) *v1alpha1.Request {
	request.Requested = requested
	return request
}

// stampBy returns a stamp of a minute before the tests' moment or after it.
func stampBy(user string, minutes int) v1alpha1.Stamp {
	return v1alpha1.Stamp{By: user, At: &metav1.Time{Time: someone.Now.Add(time.Duration(minutes) * time.Minute)}}
}

func requestFor(candidate string, attempt int32, stamp v1alpha1.Stamp) *v1alpha1.Request {
	return &v1alpha1.Request{Candidate: candidate, Attempt: &attempt, Stamp: stamp}
}

func statusIn(phase v1alpha1.Phase, outcome v1alpha1.Outcome) v1alpha1.CanaryStatus {
	return v1alpha1.CanaryStatus{Phase: phase, Candidate: v1alpha1.CandidateStatus{
		Hash: hash, Attempt: 1, Outcome: outcome, Reason: "5 failed checks",
	}}
}

func TestRenderCanary(t *testing.T) {
	now, before := stampBy("jane", 0), stampBy("otto", -1)
	for name, c := range map[string]struct {
		status   v1alpha1.CanaryStatus
		old, new v1alpha1.CanarySpec
		want     v1alpha1.CanarySpec
		warning  string
	}{
		"a pause is stamped": {new: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Reason: "lunch"}},
			want: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Reason: "lunch", Stamp: now}}},
		"a forged stamp is replaced": {new: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: stampBy("boss", -9)}},
			want: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: now}}},
		"an unchanged pause keeps its stamp": {old: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: before}},
			new: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: before}}, want: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: before}}},
		"forging the stamp of an unchanged pause does nothing": {old: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: before}},
			new: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: stampBy("boss", -9)}}, want: v1alpha1.CanarySpec{Paused: &v1alpha1.Pause{Stamp: before}}},
		"only what changes is stamped": {status: statusIn("Progressing", ""),
			old:  v1alpha1.CanarySpec{Abort: requestFor(other, 0, before)},
			new:  v1alpha1.CanarySpec{Abort: requestFor(other, 0, before), Promote: &v1alpha1.PromoteRequest{Request: v1alpha1.Request{Candidate: hash}}},
			want: v1alpha1.CanarySpec{Abort: requestFor(other, 0, before), Promote: &v1alpha1.PromoteRequest{Request: *requestFor(hash, 1, now)}}},
		"skipping the analysis is another request": {status: statusIn("Progressing", ""),
			old:  v1alpha1.CanarySpec{Promote: &v1alpha1.PromoteRequest{Request: *requestFor(hash, 1, before)}},
			new:  v1alpha1.CanarySpec{Promote: &v1alpha1.PromoteRequest{Request: *requestFor(hash, 1, before), SkipAnalysis: true}},
			want: v1alpha1.CanarySpec{Promote: &v1alpha1.PromoteRequest{Request: *requestFor(hash, 1, now), SkipAnalysis: true}}},
		"the same once more, without a stamp, is asked now": {status: statusIn("Progressing", ""),
			old:  v1alpha1.CanarySpec{Abort: requestFor(hash, 1, before)},
			new:  v1alpha1.CanarySpec{Abort: requestFor(hash, 1, v1alpha1.Stamp{})},
			want: v1alpha1.CanarySpec{Abort: requestFor(hash, 1, now)}},
		"no request is older than its candidate": {
			status: requestedAt(2),
			new:    v1alpha1.CanarySpec{Abort: &v1alpha1.Request{Candidate: hash}},
			want:   v1alpha1.CanarySpec{Abort: of("2026-01-01T00:02:00.000000Z", requestFor(hash, 0, stampBy("jane", 2)))}},
		"a request for the same template, requested at another time, is warned about": {
			status:  requestedAt(-2),
			new:     v1alpha1.CanarySpec{Abort: of("2025-12-31T23:57:00.000000Z", &v1alpha1.Request{Candidate: hash})},
			want:    v1alpha1.CanarySpec{Abort: of("2025-12-31T23:57:00.000000Z", &v1alpha1.Request{Candidate: hash, Stamp: now})},
			warning: "spec.abort: the Canary's status shows candidate 7c9e41d2; this request has no effect"},
		"the first digits are completed": {status: statusIn("Progressing", ""), new: v1alpha1.CanarySpec{Abort: &v1alpha1.Request{Candidate: hash[:8]}},
			want: v1alpha1.CanarySpec{Abort: requestFor(hash, 1, now)}},
		"the first digits, applied again, are the same request": {status: statusIn("Failed", "Aborted"),
			old:  v1alpha1.CanarySpec{Abort: requestFor(hash, 1, before)},
			new:  v1alpha1.CanarySpec{Abort: requestFor(hash[:9], 1, before)},
			want: v1alpha1.CanarySpec{Abort: requestFor(hash, 1, before)}},
		"those of an earlier candidate, applied again, are so too": {status: statusIn("Progressing", ""),
			old:  v1alpha1.CanarySpec{Abort: requestFor(other, 0, before)},
			new:  v1alpha1.CanarySpec{Abort: requestFor(other[:8], 0, before)},
			want: v1alpha1.CanarySpec{Abort: requestFor(other, 0, before)}},
		"a request for another candidate than the status knows is warned about": {status: statusIn("Progressing", ""),
			new:     v1alpha1.CanarySpec{Abort: &v1alpha1.Request{Candidate: other}},
			want:    v1alpha1.CanarySpec{Abort: &v1alpha1.Request{Candidate: other, Stamp: now}},
			warning: "spec.abort: the Canary's status shows candidate 7c9e41d2"},
		"a resumption is stamped, whoever it says has asked": {status: statusIn("Progressing", ""),
			new:  v1alpha1.CanarySpec{Resume: &v1alpha1.Request{Candidate: hash[:8], Stamp: stampBy("boss", 9)}},
			want: v1alpha1.CanarySpec{Resume: requestFor(hash, 1, now)}},
		"forging the time of a resumption, so that it ends a later pause, does nothing": {status: statusIn("Progressing", ""),
			old:  v1alpha1.CanarySpec{Resume: requestFor(hash, 1, before)},
			new:  v1alpha1.CanarySpec{Resume: requestFor(hash, 1, stampBy("otto", 9))},
			want: v1alpha1.CanarySpec{Resume: requestFor(hash, 1, before)}},
		"a second pause of the guard is resumed by the same, without a stamp": {status: statusIn("Progressing", ""),
			old:  v1alpha1.CanarySpec{Resume: requestFor(hash, 1, before)},
			new:  v1alpha1.CanarySpec{Resume: requestFor(hash, 1, v1alpha1.Stamp{})},
			want: v1alpha1.CanarySpec{Resume: requestFor(hash, 1, now)}},
		"a resumption of an earlier candidate is warned about": {status: statusIn("Progressing", ""),
			new:     v1alpha1.CanarySpec{Resume: &v1alpha1.Request{Candidate: other}},
			want:    v1alpha1.CanarySpec{Resume: &v1alpha1.Request{Candidate: other, Stamp: now}},
			warning: "spec.resume: the Canary's status shows candidate 7c9e41d2; this request has no effect"},
		"a failed candidate can be retried": {status: statusIn("Failed", "Failed"), new: v1alpha1.CanarySpec{Retry: &v1alpha1.Request{Candidate: hash}},
			want: v1alpha1.CanarySpec{Retry: requestFor(hash, 1, now)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, warnings, err := RenderCanary(v1alpha1.Canary{Spec: c.old, Status: c.status}, v1alpha1.Canary{Spec: c.new}, someone)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if text := strings.Join(warnings, "\n"); !strings.Contains(text, c.warning) || c.warning == "" && text != "" {
				t.Errorf("the warnings are %q", text)
			}
		})
	}
}

func TestRequestsForNothingAreRefused(t *testing.T) {
	abort := v1alpha1.CanarySpec{Abort: &v1alpha1.Request{Candidate: hash}}
	resume := v1alpha1.CanarySpec{Resume: &v1alpha1.Request{Candidate: hash}}
	retry := v1alpha1.CanarySpec{Retry: &v1alpha1.Request{Candidate: hash}}
	promote := v1alpha1.CanarySpec{Promote: &v1alpha1.PromoteRequest{Request: v1alpha1.Request{Candidate: hash}}}
	atPrimary := statusIn("Promoting", "")
	atPrimary.Rollout = &v1alpha1.RolloutStatus{Promotion: v1alpha1.PromotionStatus{Applied: &metav1.MicroTime{Time: someone.Now}}}
	for name, c := range map[string]struct {
		status v1alpha1.CanaryStatus
		spec   v1alpha1.CanarySpec
		wrong  string
	}{
		"aborting what was promoted":        {statusIn("Succeeded", "Succeeded"), abort, `spec.abort.candidate: Invalid value: "` + hash + `": this candidate is not in flight: it was promoted`},
		"aborting what failed":              {statusIn("Failed", "Failed"), abort, "it was rolled back: 5 failed checks"},
		"aborting what the primary runs":    {atPrimary, abort, "the primary already runs this candidate"},
		"promoting what was taken back":     {statusIn("Initialized", "Cancelled"), promote, "spec.promote.candidate: Invalid value: \"" + hash + "\": this candidate is not in flight: its rollout was cancelled"},
		"resuming what was promoted":        {statusIn("Succeeded", "Succeeded"), resume, "spec.resume.candidate: Invalid value: \"" + hash + "\": this candidate is not in flight: it was promoted"},
		"resuming while it is rolled back":  {statusIn("Finalising", "Failed"), resume, "it was rolled back"},
		"retrying what is judged":           {statusIn("Progressing", ""), retry, "only a candidate that failed or was aborted can be retried: it is in phase Progressing"},
		"retrying what was promoted":        {statusIn("Succeeded", "Succeeded"), retry, "it was promoted"},
		"promoting while it is rolled back": {statusIn("Finalising", "Failed"), promote, "it was rolled back"},
		"digits that no candidate has": {statusIn("Progressing", ""), v1alpha1.CanarySpec{Abort: &v1alpha1.Request{Candidate: other[:8]}},
			`spec.abort.candidate: Invalid value: "41aa07fe": must be the hash of the candidate, or at least its first 8 digits; the Canary's status shows candidate 7c9e41d2`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := RenderCanary(v1alpha1.Canary{Status: c.status}, v1alpha1.Canary{Spec: c.spec}, someone)
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, not %q", err, c.wrong)
			}
		})
	}
}

// TestOnlyTheReconcilerSpeaksForOthers checks who is recorded as the user who marked a candidate.
func TestOnlyTheReconcilerSpeaksForOthers(t *testing.T) {
	for by, want := range map[Request]string{sluice: "otto von b", someone: "jane"} {
		old := deployment("v1", map[string]string{config.AnnotationCandidate: candidateOf("v2", workload.MarkNone)})
		value := map[Request]string{sluice: orderFor("v2") + " otto von b", someone: hashOf("v2")}[by]
		asked := deployment("v1", map[string]string{config.AnnotationAbort: value})
		aborted, err := Render(old, asked, by)
		if err != nil {
			t.Fatal(err)
		}
		if got := keptCandidate(t, aborted).MarkedBy; got != want {
			t.Errorf("%s aborts: marked by %q, not by %q", by.User, got, want)
		}
		annotations := (&unstructured.Unstructured{Object: aborted.Object}).GetAnnotations()
		annotations[config.AnnotationRetry] = value
		retried, err := Render(aborted.Object, deployment("v1", annotations), by)
		if err != nil {
			t.Fatal(err)
		}
		if c := keptCandidate(t, retried); c.RetriedBy != want || c.Attempt != 1 || c.Mark != workload.MarkNone {
			t.Errorf("%s retries: %+v", by.User, c)
		}
	}
}

func keptCandidate(t *testing.T, result Result) *workload.Candidate {
	t.Helper()
	candidate, err := workload.CandidateOf((&unstructured.Unstructured{Object: result.Object}).GetAnnotations())
	if err != nil || candidate == nil {
		t.Fatalf("the candidate is %v, %v", candidate, err)
	}
	return candidate
}

// FuzzRenderCanary proves that no user can act in the name of others, and that stored requests stay as they are.
func FuzzRenderCanary(f *testing.F) {
	f.Add(`{}`, `{"paused":{"reason":"x","by":"boss"}}`, hash)
	f.Add(`{"abort":{"candidate":"7c9e41d2","by":"otto"}}`, `{"abort":{"candidate":"7c9e41d2","attempt":3,"by":"boss"}}`, hash)
	f.Add(`{"resume":{"candidate":"7c9e41d2","by":"otto"}}`, `{"resume":{"candidate":"7c9e41d2","by":"boss"},"reset":{"candidate":"7c9e41d2","by":"boss"}}`, hash)
	f.Add(`{"promote":{"candidate":"7c9e41d2","by":"otto"}}`, `{"promote":{"candidate":"7c9e41d2","skipAnalysis":true},"retry":{"candidate":""}}`, "")
	f.Fuzz(func(t *testing.T, oldJSON, newJSON, candidate string) {
		old := v1alpha1.Canary{Status: v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: candidate}}}
		updated := v1alpha1.Canary{}
		if json.Unmarshal([]byte(oldJSON), &old.Spec) != nil || json.Unmarshal([]byte(newJSON), &updated.Spec) != nil {
			return
		}
		stored, _, err := RenderCanary(old, updated, someone)
		if err != nil {
			return
		}
		known := append(askers(old.Spec), someone.User)
		for _, by := range askers(stored) {
			if !slices.Contains(known, by) {
				t.Errorf("%q is believed to have asked, who did not", by)
			}
		}
		again, warnings, err := RenderCanary(v1alpha1.Canary{Spec: stored, Status: old.Status}, v1alpha1.Canary{Spec: stored}, Request{User: "otto", Now: someone.Now.Add(time.Hour)})
		if diff := cmp.Diff(stored, again); diff != "" || err != nil || len(warnings) > 0 {
			t.Errorf("the stored result submitted again: %v, %v, %s", err, warnings, diff)
		}
	})
}

// askers returns the users that a spec names.
func askers(spec v1alpha1.CanarySpec) []string {
	var users []string
	if spec.Paused != nil {
		users = append(users, spec.Paused.By)
	}
	if spec.Promote != nil {
		users = append(users, spec.Promote.By)
	}
	for _, request := range []*v1alpha1.Request{spec.Reset, spec.Abort, spec.Resume, spec.Retry} {
		if request != nil {
			users = append(users, request.By)
		}
	}
	return users
}
