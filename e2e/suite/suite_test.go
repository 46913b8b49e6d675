// Package suite runs whole rollouts on a real cluster with real traffic; make e2e starts both.
package suite

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/internal/admission"
)

func TestSuite(t *testing.T) {
	RegisterFailHandler(fail)
	ctrl.SetLogger(GinkgoLogr)
	RunSpecs(t, "Rollouts on a real cluster")
}

const (
	rate   = 50
	glance = 100 * time.Millisecond
)

// quick has settings for a rollout of less than half a minute: three steps of three seconds, judged by thresholds. The guard would take
// longer to prove health with so few requests, and these specs are not about it. Several specs share the machine, so only specs about
// request durations require short ones.
var quick = map[string]string{
	"sluice.dev/canary":               "true",
	"sluice.dev/guard":                "false",
	"sluice.dev/step-weight":          "20",
	"sluice.dev/max-weight":           "60",
	"sluice.dev/interval":             "3s",
	"sluice.dev/max-request-duration": "5s",
}

func with(more map[string]string) map[string]string {
	all := map[string]string{}
	for _, settings := range []map[string]string{quick, more} {
		for key, value := range settings {
			all[key] = value
		}
	}
	return all
}

// kubectl runs kubectl and returns its output.
func (r *rollout) kubectl(ctx context.Context, args ...string) string {
	GinkgoHelper()
	out, err := r.Kubectl(ctx, "", args...)
	Expect(err).NotTo(HaveOccurred())
	return out
}

// setVersion changes the version and other environment variables of the Deployment, as a user does.
func (r *rollout) setVersion(ctx context.Context, version string, env ...string) {
	GinkgoHelper()
	By(fmt.Sprintf("kubectl set env deployment/podinfo VERSION=%s %v", version, env))
	out := r.kubectl(ctx, append([]string{"set", "env", "deployment/podinfo", "VERSION=" + version}, env...)...)
	Expect(out).To(ContainSubstring(admission.HeldBack))
}

func (r *rollout) status(ctx context.Context) v1alpha1.CanaryStatus {
	canary, err := r.Canary(ctx)
	if err != nil || canary == nil {
		return v1alpha1.CanaryStatus{}
	}
	return canary.Status
}

// waitFor waits for a phase.
func (r *rollout) waitFor(ctx context.Context, phase v1alpha1.Phase) v1alpha1.CanaryStatus {
	GinkgoHelper()
	return r.waitUntil(ctx, "phase "+string(phase), func(s v1alpha1.CanaryStatus) bool { return s.Phase == phase })
}

// waitUntil waits until a status matches. A rollout that has failed ends the wait.
func (r *rollout) waitUntil(ctx context.Context, what string, holds func(v1alpha1.CanaryStatus) bool) v1alpha1.CanaryStatus {
	GinkgoHelper()
	began := len(r.status(ctx).History)
	var last v1alpha1.CanaryStatus
	Eventually(ctx, func() (bool, error) {
		last = r.status(ctx)
		if holds(last) {
			return true, nil
		}
		if len(last.History) > began && last.History[0].Outcome == v1alpha1.OutcomeFailed {
			return false, StopTrying("failed: " + last.History[0].Reason)
		}
		return false, nil
	}, patience(), glance).Should(BeTrue(), func() string {
		return fmt.Sprintf("waiting for %s, the Canary is %s: %s", what, last.Phase, last.Message)
	})
	return last
}

// waitForTraffic waits until a version answers.
func (r *rollout) waitForTraffic(ctx context.Context, version string) {
	GinkgoHelper()
	Eventually(ctx, func() bool { return !r.run.Report().FirstSeen(version).IsZero() }, patience(), glance).Should(BeTrue(), "no answer from "+version)
}

// waitForAnswer waits for the answer to a request that was sent after a moment.
func (r *rollout) waitForAnswer(ctx context.Context, moment time.Time) {
	GinkgoHelper()
	Eventually(ctx, func() int { return r.run.Report().Between(moment, time.Time{}).Total() }, patience(), glance).Should(BeNumerically(">", 0))
}

// primaryVersions returns the versions that pods of the primary run.
func (r *rollout) primaryVersions(ctx context.Context) map[string]bool {
	var pods corev1.PodList
	Expect(r.Client.List(ctx, &pods, client.InNamespace(r.Namespace), client.MatchingLabels{"app": "podinfo"})).To(Succeed())
	versions := map[string]bool{}
	for _, pod := range pods.Items {
		versions[pod.Spec.Containers[0].Env[0].Value] = true
	}
	return versions
}

// expectClean expects that nothing of the rollout is left and that the route is as the user wrote it.
func (r *rollout) expectClean(ctx context.Context, version string) {
	GinkgoHelper()
	By("nothing is left: the canary is gone, the routes are the user's, the primary runs " + version)
	Eventually(ctx, func() (*appsv1.Deployment, error) { return r.Deployment(ctx, "podinfo-canary") }, patience(), glance).Should(BeNil())
	r.expectRoutesAsBefore(ctx)
	primary, err := r.Deployment(ctx, app.Name)
	Expect(err).NotTo(HaveOccurred())
	Expect(primary.Spec.Template.Spec.Containers[0].Env[0].Value).To(Equal(version))
	Expect(primary.Annotations["sluice.dev/previous"]).To(BeEmpty())
}

func (r *rollout) expectNoFailures(ctx context.Context, version string) {
	GinkgoHelper()
	By("no request failed that " + version + " did not fail itself")
	asked := time.Now()
	Eventually(ctx, func() int { return r.run.UnderWay(asked) }, patience(), glance).Should(BeZero(), "requests that are not answered")
	report := r.run.Report()
	for _, answer := range report.Failed().Answers {
		Expect(answer.Version).To(Equal(version), "a request at %s failed after %s, while %s: %d %s", answer.Sent.Format(time.StampMilli),
			answer.Latency().Round(time.Millisecond), machine.Tell(answer.Sent, answer.Done), answer.Status, answer.Err)
	}
	Expect(report.Of("").Total()).To(BeZero(), "answers of the gateway itself: %s", report)
}

func (r *rollout) expectEvents(ctx context.Context, reasons ...string) {
	GinkgoHelper()
	for _, reason := range reasons {
		Eventually(ctx, func() ([]string, error) {
			events, err := r.Events(ctx)
			var seen []string
			for _, e := range events {
				seen = append(seen, e.Reason)
			}
			return seen, err
		}, patience(), glance).Should(ContainElement(reason))
	}
}

// messages returns those of the Canary's events with a reason, oldest first.
func (r *rollout) messages(ctx context.Context, reason string) []string {
	GinkgoHelper()
	events, err := r.Events(ctx)
	Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, e := range events {
		if e.Reason == reason {
			found = append(found, e.Message)
		}
	}
	return found
}
