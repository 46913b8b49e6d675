package reconciler

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// ask changes the spec of the Canary to what admission would store.
func (a *app) ask(change func(*v1alpha1.CanarySpec)) {
	a.t.Helper()
	a.Eventually(func() error {
		canary := a.canary()
		change(&canary.Spec)
		return server.Client.Update(a.t.Context(), &canary)
	}, patience, glance).Should(Succeed())
}

func byJane() v1alpha1.Stamp {
	now := metav1.Now()
	return v1alpha1.Stamp{By: "jane", At: &now}
}

// marked does what admission does for sluice.dev/abort.
func (a *app) marked(by string) {
	a.t.Helper()
	d, err := get(a, "podinfo", &appsv1.Deployment{})
	a.Expect(err).NotTo(HaveOccurred())
	candidate, err := workload.CandidateOf(d.Annotations)
	a.Expect(err).NotTo(HaveOccurred())
	candidate.Mark, candidate.MarkedBy = workload.MarkAborted, by
	text, err := candidate.Encode()
	a.Expect(err).NotTo(HaveOccurred())
	a.annotate(config.AnnotationCandidate, text)
	a.annotate(config.AnnotationAbort, "")
}

func TestRequestsInTheCanaryAreObeyed(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.inFlight()
	a.ask(func(spec *v1alpha1.CanarySpec) { spec.Paused = &v1alpha1.Pause{Reason: "lunch", Stamp: byJane()} })
	a.waitFor("paused", func(s v1alpha1.CanaryStatus) bool { return s.Paused != nil && s.Plan.NextStepTime == nil })
	paused := a.canary().Status
	step := paused.Open().Step.Number
	// The pause may have come right after a step was taken.
	a.accept()
	a.waitFor("checks that go on beyond the step", func(s v1alpha1.CanaryStatus) bool {
		return s.Open().Step.InEffect != nil && s.LastCheckTime != nil && s.LastCheckTime.Sub(s.Open().Step.InEffect.Time) > 2*time.Second
	})
	a.Expect(a.canary().Status.Open().Step.Number).To(Equal(step), "a step was taken while paused")
	a.ask(func(spec *v1alpha1.CanarySpec) {
		spec.Abort = &v1alpha1.Request{Candidate: paused.Candidate.Hash, Reason: "bug 17", Stamp: byJane()}
	})
	a.expectRestored()
	a.Eventually(func() string {
		d, err := get(a, "podinfo", &appsv1.Deployment{})
		a.Expect(err).NotTo(HaveOccurred())
		return d.Annotations[config.AnnotationAbort]
	}, patience, glance).Should(Equal(observed.IDOf(paused).String() + " jane"))
	a.marked("jane")
	a.waitForPhase(v1alpha1.PhaseFailed)
	history := a.canary().Status.History
	a.Expect(history).To(HaveLen(1))
	a.Expect(history[0].Outcome).To(Equal(v1alpha1.OutcomeAborted))
	a.Expect(history[0].Reason).To(Equal("aborted by jane: bug 17"))
	a.Expect(history[0].Images).To(Equal([]string{"app=podinfo:v2"}))
}
