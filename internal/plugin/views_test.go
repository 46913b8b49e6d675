package plugin

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

var update = flag.Bool("update", false, "write the golden outputs anew")

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) metav1.Time   { return metav1.NewTime(now.Add(-d)) }
func at(d time.Duration) *metav1.MicroTime { t := metav1.NewMicroTime(now.Add(d)); return &t }
func stamp(user string) v1alpha1.Stamp {
	t := before(time.Minute)
	return v1alpha1.Stamp{By: user, At: &t}
}
func attempt(number int32) *int32              { return &number }
func seconds(number time.Duration) metav1.Time { return before(number * time.Second) }

func template(image string, env ...corev1.EnvVar) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "podinfo"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image, Env: env}}},
	}
}

// held is the candidate that every subject of these tests has, unless it is changed.
func held(t *testing.T) *workload.Candidate {
	t.Helper()
	changed, err := workload.TemplateOf(template("podinfo:v2", corev1.EnvVar{Name: "LEVEL", Value: "debug"}, corev1.EnvVar{Name: "NEW", Value: "1"}))
	if err != nil {
		t.Fatal(err)
	}
	return &workload.Candidate{Hash: "7c9e41d2", Template: changed, By: "jane", Manager: "kubectl-set", At: now.Add(-90 * time.Second)}
}

// weights are planned steps of a canary release.
func weights(list ...float64) []v1alpha1.PlannedStep {
	steps := make([]v1alpha1.PlannedStep, 0, len(list))
	for _, weight := range list {
		steps = append(steps, v1alpha1.PlannedStep{Kind: v1alpha1.StepWeight, Weight: weight, Duration: metav1.Duration{Duration: 30 * time.Second}})
	}
	return steps
}

// inFlight is a rollout in the middle of its second step.
func inFlight(t *testing.T) subject {
	t.Helper()
	canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "podinfo"}}
	canary.Status = v1alpha1.CanaryStatus{
		Phase: v1alpha1.PhaseProgressing, CanaryWeight: 20, FailedChecks: 1,
		Message:   "Step 2 of 5 at weight 20% until 12:00:18: request-success-rate 99.72%; request-duration 20ms",
		Candidate: v1alpha1.CandidateStatus{Hash: "7c9e41d2", Images: []string{"app=podinfo:v2"}, Requested: &v1alpha1.Requester{By: "jane", At: at(-90 * time.Second)}},
		Rollout:   &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 2, InEffect: at(-12 * time.Second)}},
		Plan: v1alpha1.PlanStatus{Strategy: "canary", Steps: weights(10, 20, 30, 40, 50), FailureThreshold: 5,
			NextStepTime: at(18 * time.Second), NextCheckTime: at(3 * time.Second)},
		Checks: []v1alpha1.CheckStatus{
			{Name: "request-success-rate", Value: "99.72%", Threshold: "min 99%", Verdict: v1alpha1.VerdictPass},
			{Name: "request-duration", Threshold: "max 500ms", Verdict: v1alpha1.VerdictInconclusive, Message: "Prometheus could not answer: connection refused"},
		},
		CanaryRecord: v1alpha1.CanaryRecord{LastTransitionTime: seconds(15),
			Conditions: []metav1.Condition{{Type: "Promoted", Status: "Unknown", Reason: "Progressing", Message: "Step 2 of 5"}, {Type: "Ready", Status: "True", Reason: "Found", Message: "Everything a rollout needs was found"}},
			History: []v1alpha1.HistoryEntry{
				{Candidate: "41aa07fe", Attempt: 1, Images: []string{"app=podinfo:v1"}, By: "otto", Finished: *at(-time.Hour), Duration: "2m35s", Outcome: v1alpha1.OutcomeSucceeded, Reason: "promoted without analysis, requested by olga: hotfix"},
				{Candidate: "41aa07fe", Images: []string{"app=podinfo:v1"}, By: "otto", Finished: *at(-2 * time.Hour), Duration: "12.4s", Outcome: v1alpha1.OutcomeAborted, Reason: "aborted by jane: bug 17"},
				{Candidate: "0badcafe", By: "otto", Finished: *at(-24 * time.Hour), Outcome: v1alpha1.OutcomeFailed, Reason: "5 failed checks"},
				{Candidate: "11111111", By: "otto", Finished: *at(-48 * time.Hour), Outcome: v1alpha1.OutcomeFailed, Reason: "too long ago to be shown"},
			},
		},
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "podinfo", Annotations: map[string]string{config.AnnotationCanary: "true"}}}
	deployment.Spec.Template = template("podinfo:v1", corev1.EnvVar{Name: "LEVEL", Value: "info"})
	return subject{canary: canary, deployment: deployment, candidate: held(t), now: now}
}

func abort(s *subject) {
	s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseFailed, Candidate: v1alpha1.CandidateStatus{Hash: "7c9e41d2", Outcome: v1alpha1.OutcomeAborted, Requested: &v1alpha1.Requester{By: "jane", At: at(-90 * time.Second)}},
		Message: "7c9e41d2 was rolled back: aborted by olga", CanaryRecord: v1alpha1.CanaryRecord{LastTransitionTime: seconds(30)}}
	s.candidate.Mark, s.candidate.MarkedBy = workload.MarkAborted, "olga"
}

// underGuard is a rollout up the guard's ladder, without thresholds of the user's.
func underGuard(s *subject) {
	status := &s.canary.Status
	const shows = "the step collects data: error rate at most 0.9% and at most 20 times the primary's, at 95% confidence, from 491 canary requests"
	status.Plan = v1alpha1.PlanStatus{Strategy: "canary", Steps: weights(1, 5, 10, 25, 50), FailureThreshold: 5}
	status.CanaryWeight, status.Checks, status.FailedChecks = 10, nil, 0
	status.Rollout.Step.Number, status.Message = 3, "Step 3 of 5 at weight 10%: "+shows
	status.Rollout.Guard = &v1alpha1.GuardStatus{Evidence: "state", Action: "hold", Reason: "Collecting", Message: shows, Harm: 0.62, Proof: 100,
		Expected: "a healthy canary takes about 2m14s", Judged: at(-2 * time.Second)}
}

// subjects are the rollouts to show in the views, each a variation of the one in flight.
var subjects = map[string]func(*subject){
	"in flight": func(*subject) {},
	"paused": func(s *subject) {
		s.canary.Spec.Paused = &v1alpha1.Pause{Reason: "lunch", Stamp: stamp("olga")}
		s.canary.Status.Plan.NextStepTime = nil
		s.canary.Status.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseRequest, Text: "paused by olga: lunch; to resume: kubectl sluice resume podinfo"}
	},
	"under the guard": underGuard,
	"paused by the guard": func(s *subject) {
		underGuard(s)
		const text = "paused by the guard: no new samples of both versions for 15m; to go on: kubectl sluice resume podinfo; to roll back: kubectl sluice abort podinfo"
		guard := s.canary.Status.Rollout.Guard
		guard.Action, guard.Reason, guard.Message = "pause", "Stale", "no new samples of both versions for 15m; the rollout pauses"
		guard.Paused = &v1alpha1.GuardPause{Since: at(-time.Minute), Text: "no new samples of both versions for 15m"}
		s.canary.Status.Paused, s.canary.Status.Message = &v1alpha1.PauseCause{Kind: v1alpha1.PauseGuard, Text: text}, "Step 3 of 5 at weight 10%: "+text
	},
	"without the guard": func(s *subject) {
		s.canary.Status.Rollout.Guard = &v1alpha1.GuardStatus{Off: "the metrics server could not be asked: Prometheus: connection refused"}
	},
	"observed": func(s *subject) { s.canary.Status.Observed.Weight = "19.6" },
	"paused by the Deployment": func(s *subject) {
		s.deployment.Spec.Paused = true
		s.canary.Status.Plan.NextStepTime = nil
		s.canary.Status.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseDeployment,
			Text: "paused by spec.paused of the Deployment; to resume: kubectl rollout resume"}
	},
	"asked to promote": func(s *subject) {
		s.canary.Spec.Promote = &v1alpha1.PromoteRequest{SkipAnalysis: true,
			Request: v1alpha1.Request{Candidate: "7c9e41d2", Attempt: attempt(0), Reason: "hotfix", Stamp: stamp("olga")}}
	},
	"by a policy": func(s *subject) {
		stepWeights := []float64{1, 5, 25}
		s.canary.Status.Policy = &v1alpha1.PolicyStatus{Name: "CanaryPolicy/standard",
			Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Interval: &metav1.Duration{Duration: time.Minute}, StepWeights: stepWeights,
				Metrics: []v1alpha1.Metric{{Name: "error-rate"}, {Name: "request-duration"}}}},
			Sources: []v1alpha1.PolicySource{
				{Field: "analysis.interval", From: "annotation sluice.dev/interval"}, {Field: "analysis.metrics", From: "CanaryPolicy/standard"},
				{Field: "analysis.metrics[request-duration]", From: "annotation sluice.dev/max-request-duration"},
				{Field: "analysis.stepWeights", From: "ClusterCanaryPolicy/default"}, {Field: "analysis.threshold", From: "built-in"}},
			Changed: "CanaryPolicy/standard has changed since this rollout started (analysis.metrics); the next rollout uses it"}
	},
	"frozen": func(s *subject) {
		s.canary.Status.Frozen = "frozen by Freeze/stop: outage (olga)"
		s.canary.Status.Paused = &v1alpha1.PauseCause{Kind: v1alpha1.PauseFreeze, Text: s.canary.Status.Frozen}
	},
	"queued": func(s *subject) {
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseWaiting, Candidate: v1alpha1.CandidateStatus{Hash: "7c9e41d2", Requested: &v1alpha1.Requester{At: at(-90 * time.Second)}}, Queue: &v1alpha1.QueueStatus{Position: 3, Since: *at(-time.Minute)},
			Message: "3rd in the queue: 5 of 5 rollouts are running in the cluster (shop/cart, …)"}
	},
	"waiting for its group": func(s *subject) {
		s.canary.Status.Rollout.Group = &v1alpha1.GroupStatus{Name: "checkout", Passed: 2, WaitingFor: []string{"cart", "pay"}}
	},
	"at a closed gate": func(s *subject) {
		status := &s.canary.Status
		status.Phase, status.Rollout.Step.Number, status.Message = v1alpha1.PhaseWaitingPromotion, 5, "Waiting for hook approval (confirm-promotion) to approve; it has refused since 11:55:00: 403 Forbidden"
		status.Gate = &v1alpha1.GateStatus{Type: v1alpha1.HookConfirmPromotion, Since: *at(-5 * time.Minute)}
		status.Hooks = []v1alpha1.HookStatus{
			{Name: "approval", Type: v1alpha1.HookConfirmPromotion, Step: 5, Answered: *at(-time.Second), Since: *at(-4 * time.Minute), Message: "403 Forbidden"},
			{Name: "load-test", Type: v1alpha1.HookRollout, Step: 5, Answered: *at(-time.Second), Since: *at(-time.Second), Message: "500"}}
	},
	"at a gate that has not answered": func(s *subject) {
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseWaiting, Candidate: v1alpha1.CandidateStatus{Hash: "7c9e41d2", Requested: &v1alpha1.Requester{At: at(-90 * time.Second)}}, Message: "Waiting for hook start (confirm-rollout) to answer",
			Gate: &v1alpha1.GateStatus{Type: v1alpha1.HookConfirmRollout, Since: *at(-time.Second)}}
	},
	"with alerts": func(s *subject) {
		s.canary.Status.Conditions = append(s.canary.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionPolicyFollowed, Status: "False", Reason: "PolicyAdvice",
			Message: "spec.analysis.alerts: this release sends no alerts (on-call): use a webhook of type event in spec.analysis.webhooks instead"})
	},
	"not in effect yet": func(s *subject) { s.canary.Status.Rollout.Step.InEffect = nil },
	"starting":          func(s *subject) { s.canary.Status.Rollout.Step.Number, s.canary.Status.CanaryWeight = 0, 0 },
	"not seen yet": func(s *subject) {
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseSucceeded, Candidate: v1alpha1.CandidateStatus{Hash: "41aa07fe"}, Message: "41aa07fe was promoted", CanaryRecord: v1alpha1.CanaryRecord{LastTransitionTime: before(time.Hour)}}
	},
	"waiting": func(s *subject) {
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseWaiting, Candidate: v1alpha1.CandidateStatus{Hash: "7c9e41d2", Requested: &v1alpha1.Requester{At: at(-90 * time.Second)}}, Message: "no HTTPRoute in namespace demo sends to Service podinfo"}
	},
	"not seen yet while the one before goes": func(s *subject) {
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseFinalising, Candidate: v1alpha1.CandidateStatus{Hash: "41aa07fe"}, Message: "Removing the canary", CanaryRecord: v1alpha1.CanaryRecord{LastTransitionTime: seconds(2)}}
	},
	"idle with a policy that does not exist": func(s *subject) {
		missing := "CanaryPolicy slow does not exist in namespace demo"
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseInitialized, Message: missing, CanaryRecord: v1alpha1.CanaryRecord{LastTransitionTime: seconds(2),
			Conditions: []metav1.Condition{{Type: "Promoted", Status: "True", Reason: "Initialized", Message: missing}, {Type: "Ready", Status: "False", Reason: "Missing", Message: missing}}}}
		s.candidate = nil
	},
	"promoting": func(s *subject) {
		s.canary.Status.Phase, s.canary.Status.Rollout.Promotion.Applied, s.candidate = v1alpha1.PhasePromoting, at(-time.Second), nil
		s.deployment.Annotations[config.AnnotationPrevious] = "{}"
	},
	"promoted": func(s *subject) {
		s.canary.Status = v1alpha1.CanaryStatus{Phase: v1alpha1.PhaseSucceeded,
			Candidate: v1alpha1.CandidateStatus{Hash: "7c9e41d2", Outcome: v1alpha1.OutcomeSucceeded, Images: []string{"app=podinfo:v2"}},
			Message:   "7c9e41d2 was promoted", CanaryRecord: v1alpha1.CanaryRecord{LastTransitionTime: before(3 * time.Hour)}}
		s.candidate = nil
	},
	"in an iteration": func(s *subject) {
		iteration := v1alpha1.PlannedStep{Kind: v1alpha1.StepIteration, Match: true, MirrorWeight: 12.5, Duration: metav1.Duration{Duration: time.Minute}}
		hold := v1alpha1.PlannedStep{Kind: v1alpha1.StepHold, Weight: 100, Duration: metav1.Duration{Duration: 5 * time.Minute}}
		s.canary.Status.Plan.Strategy, s.canary.Status.Plan.Steps = "mirroring", []v1alpha1.PlannedStep{iteration, iteration, iteration, hold}
		s.canary.Status.Rollout.Step.Number, s.canary.Status.CanaryWeight = 3, 0
		s.canary.Status.Message = "Step 3 of 4, iteration 3 of 3 with 12.5% of the requests mirrored until 12:00:18: request-success-rate 99.72%"
	},
	"fine weights": func(s *subject) {
		s.canary.Status.Plan.Steps, s.canary.Status.CanaryWeight = weights(0.2, 1.25, 50), 1.25
	},
	"aborted": abort,
	"asked to retry": func(s *subject) {
		abort(s)
		s.canary.Spec.Retry = &v1alpha1.Request{Candidate: "7c9e41d2", Attempt: attempt(0), Stamp: stamp("olga")}
	},
	"taken back after a failure": func(s *subject) { abort(s); s.candidate = nil },
	"Deployment cannot be read":  func(s *subject) { s.deployment, s.candidate = nil, nil },
}

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	isGolden(t, strings.ReplaceAll(name, " ", "-"), out.String())
}

// testdata is the folder of goldens, also for tests that work in another one.
var testdata, _ = filepath.Abs("testdata")

// isGolden compares an output with that in testdata.
func isGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(testdata, name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the output has changed (-want +got); if that is meant, run go test ./internal/plugin -update\n%s", diff)
	}
}

func TestViews(t *testing.T) {
	for name, change := range subjects {
		t.Run(name, func(t *testing.T) {
			s := inFlight(t)
			change(&s)
			golden(t, "get "+name, func(w io.Writer) error { return writeView(w, s) })
			golden(t, "explain "+name, func(w io.Writer) error { return writeExplanation(w, s) })
		})
	}
}

func TestTables(t *testing.T) {
	var canaries []v1alpha1.Canary
	for _, name := range []string{"in flight", "paused", "promoted", "waiting", "frozen", "queued"} {
		s := inFlight(t)
		subjects[name](&s)
		s.canary.Name = strings.ReplaceAll(name, " ", "-")
		canaries = append(canaries, *s.canary)
	}
	golden(t, "list", func(w io.Writer) error { return writeList(w, canaries, false, false, now) })
	golden(t, "list wide of all namespaces", func(w io.Writer) error { return writeList(w, canaries, true, true, now) })
	golden(t, "watch", func(w io.Writer) error {
		if _, err := fmt.Fprintln(w, watchHead); err != nil {
			return err
		}
		for _, name := range []string{"in flight", "observed", "fine weights", "paused", "promoted", "waiting", "queued"} {
			s := inFlight(t)
			subjects[name](&s)
			if _, err := fmt.Fprintln(w, watchLine(s)); err != nil {
				return err
			}
		}
		return nil
	})
	golden(t, "history", func(w io.Writer) error { return writeHistory(w, canaries[0].Status.History, now) })
}

// TestHostileText proves that a reason can neither steer the terminal nor forge a row.
func TestHostileText(t *testing.T) {
	history := inFlight(t).canary.Status.History[:1]
	history[0].Reason = "\x1b[2J\rgone\nforged\trow\fx"
	var out bytes.Buffer
	if err := writeHistory(&out, history, now); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\r\f") || strings.Count(text, "\n") != 2 || !strings.Contains(text, `gone forged row x`) {
		t.Errorf("the table is %q", text)
	}
}
