package suite

import (
	"context"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/binaries"
)

// install installs the chart of the checkout with its default values, as make install does. It always starts new pods.
func install(ctx context.Context) {
	GinkgoHelper()
	clusterTool(ctx, "install")
	expectNewReplicas(ctx)
}

// reinstall restores the chart after a spec that failed before it did so itself.
func reinstall(ctx SpecContext) {
	if CurrentSpecReport().Failed() {
		install(ctx)
	}
}

// expectNewReplicas waits until a new replica leads and no old one terminates, which could still answer in the old way.
func expectNewReplicas(ctx context.Context) {
	GinkgoHelper()
	a, err := app.Connect(ctx, release)
	Expect(err).NotTo(HaveOccurred())
	r := &rollout{App: a}
	Eventually(ctx, func() []corev1.Pod { return r.controllers(ctx) }, patience(), glance).Should(HaveEach(HaveField("DeletionTimestamp", BeNil())))
	Eventually(ctx, func() string { return r.leader(ctx) }, patience(), glance).ShouldNot(BeEmpty(), "a replica that stays leads")
}

func uninstall(ctx context.Context) {
	GinkgoHelper()
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	dir, err := binaries.Ensure(ctx, GinkgoWriter, "helm")
	Expect(err).NotTo(HaveOccurred())
	run(ctx, filepath.Join(dir, "helm"), "uninstall", "sluice", "--namespace", "sluice-system", "--wait", timeout(),
		"--kubeconfig", filepath.Join(root, ".cluster", "kubeconfig"))
}

func run(ctx context.Context, program string, args ...string) {
	GinkgoHelper()
	By(filepath.Base(program) + " " + args[0])
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
}

var _ = Describe("The chart", Serial, func() {
	It("is upgraded under load without a lost request, and uninstalled in mid-rollout without a trace, and each time the rollout goes on", func(ctx SpecContext) {
		r := given(ctx, "upgrade", with(map[string]string{"sluice.dev/interval": "20s"}), "")
		u := r.update(20, changingLabels)
		install(ctx)
		u.end()
		held, _ := u.counts()
		Expect(held).To(BeNumerically(">", 20))
		Expect(u.refusals).To(BeEmpty(), "updates that were refused while replicas were replaced")
		Expect(r.status(ctx).Phase).To(Equal(v1alpha1.PhaseInitialized))
		Expect(r.status(ctx).History).To(BeEmpty())

		r.setVersion(ctx, "v2")
		began := r.waitUntil(ctx, "step 1", moments[1].holds).Open().Started
		install(ctx)
		s := r.waitUntil(ctx, "step 2", func(s v1alpha1.CanaryStatus) bool { return s.Open().Step.Number >= 2 && s.Open().Step.InEffect != nil })
		Expect(s.Open().Started).To(Equal(began), "it did not begin again")

		DeferCleanup(reinstall)
		uninstall(ctx)
		Expect(r.Deployment(ctx, "podinfo-canary")).To(BeNil())
		Expect(r.userRoutes(ctx)).To(Equal(r.routes))
		Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v1": true}))
		Expect(r.status(ctx).CanaryWeight).To(BeZero())
		install(ctx)
		r.waitUntil(ctx, "step 1 again", moments[1].holds)
		r.promoteNow(ctx)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})
