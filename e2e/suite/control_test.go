package suite

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
	"sluice.dev/sluice/internal/admission"
)

const secondary = "secondary"

// another is the rollout of a second application of the namespace.
func (r *rollout) another(name string) *rollout {
	return &rollout{App: r.Named(name), run: r.run, routes: r.routes}
}

var _ = Describe("A group of two", func() {
	It("steps together, and is rolled back together when one fails", func(ctx SpecContext) {
		const namespace = "group"
		member := with(map[string]string{"sluice.dev/group": "checkout", "sluice.dev/step-weight": "30", "sluice.dev/max-weight": "60",
			"sluice.dev/interval": "2s", "sluice.dev/threshold": "2"})
		r := begin(ctx, namespace, scene{
			Options:   app.Options{Replicas: 2, Annotations: member},
			manifests: []string{app.Manifest(namespace, app.Options{Name: secondary, Replicas: 2, Annotations: member})},
			requests:  bothOf(namespace),
		})
		other := r.another(secondary)
		other.waitFor(ctx, v1alpha1.PhaseInitialized)

		By("the first is ready for its second step and waits for the other, whose canary starts late")
		r.kubectl(ctx, "set", "env", "deployment/"+secondary, "VERSION=v2", "READY_AFTER=8s")
		r.setVersion(ctx, "v2")
		s := r.waitUntil(ctx, "the other", func(s v1alpha1.CanaryStatus) bool {
			return s.Open().Group != nil && len(s.Open().Group.WaitingFor) > 0 && s.Open().Step.Number == 1
		})
		Expect(s.Open().Group.WaitingFor).To(ContainElement(ContainSubstring(secondary)))
		for _, one := range []*rollout{r, other} {
			one.waitFor(ctx, v1alpha1.PhaseSucceeded)
		}
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")

		By("one of the two fails, and both are rolled back")
		r.kubectl(ctx, "set", "env", "deployment/"+secondary, "VERSION=v3", "READY_AFTER-", "ERROR_RATE=0.7")
		r.setVersion(ctx, "v3")
		for _, one := range []*rollout{r, other} {
			one.waitFor(ctx, v1alpha1.PhaseFailed)
		}
		Expect(r.status(ctx).Candidate.Reason).To(MatchRegexp(`group checkout: secondary was rolled back: 2 failed checks: request-success-rate`))
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "v3")
	})
})

var _ = Describe("Control over many rollouts", Ordered, Serial, func() {
	AfterAll(func(ctx SpecContext) { install(ctx) })

	It("freezes the cluster, and goes on", func(ctx SpecContext) {
		r := begin(ctx, "frozen", scene{Options: app.Options{Replicas: 1, Annotations: with(map[string]string{"sluice.dev/interval": "3s"})}})
		r.kubectl(ctx, "create", "clusterrolebinding", "freezers", "--clusterrole=sluice-freeze", "--user=olga")
		DeferCleanup(func(ctx SpecContext) { r.kubectl(ctx, "delete", "clusterrolebinding", "freezers") })
		DeferCleanup(func(ctx SpecContext) { r.kubectl(ctx, "delete", "freezes.sluice.dev", "--all") })
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", moments[1].holds)
		Expect(r.ask(ctx, "freeze", "--all", "--reason", "the payment provider is down")).To(ContainSubstring("Freeze stop covers the cluster: "))
		s := r.waitUntil(ctx, "the freeze", func(s v1alpha1.CanaryStatus) bool { return s.Frozen != "" })
		Expect(s.Frozen).To(ContainSubstring("frozen by Freeze/stop: the payment provider is down"))
		Consistently(ctx, func() int32 { return r.status(ctx).Open().Step.Number }, 5*time.Second, glance).Should(Equal(s.Open().Step.Number), "longer than a step lasts")
		r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION=v3")
		Expect(r.ask(ctx, "freezes")).To(ContainSubstring("the payment provider is down"))
		Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v1": true}))
		r.ask(ctx, "unfreeze", "stop")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v3")
		r.expectNoFailures(ctx, "nobody")
	})

	It("lets one rollout after the other run", func(ctx SpecContext) {
		const namespace = "queue"
		settings := with(map[string]string{"sluice.dev/step-weight": "50", "sluice.dev/max-weight": "50", "sluice.dev/interval": "2s"})
		r := begin(ctx, namespace, scene{
			Options:   app.Options{Replicas: 1, Annotations: settings},
			manifests: []string{app.Manifest(namespace, app.Options{Name: secondary, Replicas: 1, Annotations: settings})},
			requests:  bothOf(namespace),
		})
		other := r.another(secondary)
		other.waitFor(ctx, v1alpha1.PhaseInitialized)
		r.helmUpgrade(ctx, "maxConcurrent.namespace=1")
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "its begin", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing })
		r.kubectl(ctx, "set", "env", "deployment/"+secondary, "VERSION=v2")
		s := other.waitUntil(ctx, "its turn", func(s v1alpha1.CanaryStatus) bool { return s.Queue != nil })
		Expect(s.Phase).To(Equal(v1alpha1.PhaseWaiting))
		Expect(s.Message).To(ContainSubstring("1st in the queue: 1 of 1 rollouts are running in namespace queue (queue/podinfo)"))
		ended := r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		s = other.waitUntil(ctx, "its begin", func(s v1alpha1.CanaryStatus) bool { return s.Open().Started != nil && s.Phase != v1alpha1.PhaseWaiting })
		Expect(s.Open().Started.Time).To(BeTemporally(">=", ended.History[0].Finished.Add(-time.Second)))
		other.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})

	It("changes nothing in a dry run, and says what it would have done", func(ctx SpecContext) {
		r := begin(ctx, "dryrun", scene{Options: app.Options{Replicas: 2, Annotations: with(map[string]string{"sluice.dev/interval": "2s"})}})
		r.helmUpgrade(ctx, "dryRun=true")
		out := r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION=v2")
		Expect(out).To(ContainSubstring("dry run: this change would have been " + admission.HeldBack))
		s := r.waitUntil(ctx, "step 2", func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number == 2 })
		Expect(s.DryRun).To(BeTrue())
		Expect(s.Message).To(HavePrefix("Dry run: "))
		Expect(r.userRoutes(ctx)).To(Equal(r.routes))
		Expect(r.Deployment(ctx, "podinfo-canary")).To(BeNil())
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

// bothOf calls a function for both applications of a namespace.
func bothOf(namespace string) traffic.Options {
	return traffic.Options{Rate: 2 * rate, Also: []traffic.Target{{URL: app.GatewayURL, Host: secondary + "." + namespace + ".example.com"}}}
}
