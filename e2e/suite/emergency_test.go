package suite

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/rollout/observed"
)

// emergency runs kubectl sluice emergency as erin, who has only the chart's role for that.
func (r *rollout) emergency(ctx context.Context, args ...string) (out string, code int) {
	GinkgoHelper()
	By("kubectl sluice emergency " + strings.Join(args, " "))
	root, err := binaries.Root(ctx)
	Expect(err).NotTo(HaveOccurred())
	command := exec.CommandContext(ctx, filepath.Join(root, "bin", "kubectl-sluice"),
		append(append([]string{"emergency"}, args...), "--kubeconfig", filepath.Join(root, ".cluster", "kubeconfig"), "--as", "erin")...)
	text, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		Fail(err.Error())
	}
	return string(text), command.ProcessState.ExitCode()
}

// inSystem runs kubectl on Sluice's own Deployment.
func (r *rollout) inSystem(ctx context.Context, args ...string) {
	GinkgoHelper()
	r.kubectl(ctx, append(args, "-n", "sluice-system")...)
}

// breakSluice replaces every replica of Sluice by one that cannot start. The returned function mends that.
func (r *rollout) breakSluice(ctx context.Context) (mend func(context.Context)) {
	GinkgoHelper()
	controller := &appsv1.Deployment{}
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "sluice-system", Name: "sluice"}, controller)).To(Succeed())
	image, replicas := controller.Spec.Template.Spec.Containers[0].Image, fmt.Sprintf("--replicas=%d", *controller.Spec.Replicas)
	mend = func(ctx context.Context) {
		r.inSystem(ctx, "set", "image", "deployment/sluice", "sluice="+image)
		r.inSystem(ctx, "scale", "deployment/sluice", replicas)
		r.inSystem(ctx, "rollout", "status", "deployment/sluice", timeout())
	}
	DeferCleanup(func(ctx SpecContext) {
		mend(ctx)
		out, code := r.emergency(ctx, "on")
		Expect(code).To(BeZero(), out)
	})
	r.inSystem(ctx, "scale", "deployment/sluice", "--replicas=0")
	Eventually(ctx, func() int { return len(r.controllers(ctx)) }, patience(), glance).Should(BeZero(), "the replicas are gone")
	r.inSystem(ctx, "set", "image", "deployment/sluice", "sluice=sluice.dev/does-not-exist:v0")
	r.inSystem(ctx, "scale", "deployment/sluice", replicas)
	return mend
}

var _ = Describe("Sluice that cannot start", Serial, func() {
	It("is turned off without its help, and says what changed when it is brought back", func(ctx SpecContext) {
		r := given(ctx, "emergency", with(map[string]string{"sluice.dev/step-weight": "50", "sluice.dev/max-weight": "50", "sluice.dev/interval": "1h"}), "")
		r.kubectl(ctx, "create", "clusterrolebinding", "erin", "--clusterrole=sluice-emergency", "--user=erin")
		DeferCleanup(func(ctx SpecContext) { r.kubectl(ctx, "delete", "clusterrolebinding", "erin") })
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "half of the requests at the canary", func(s v1alpha1.CanaryStatus) bool { return observed.Checked(s) && s.CanaryWeight == 50 })
		r.waitForTraffic(ctx, "v2")
		mend := r.breakSluice(ctx)
		r.expectRefused(ctx, `failed calling webhook "deployments.sluice.dev"`, "set", "env", "deployment/podinfo", "VERSION=v3")

		out, code := r.emergency(ctx, "off", "--reason", "its image does not exist")
		off := time.Now()
		Expect(code).To(BeZero(), out)
		Expect(out).To(And(ContainSubstring("podinfo-canary had 50%"), ContainSubstring("Sluice is off since"), ContainSubstring("Deployment emergency/podinfo")))
		r.expectRoutesAsBefore(ctx)
		r.waitForAnswer(ctx, off.Add(10*time.Second))
		Expect(r.run.Report().Between(off.Add(5*time.Second), time.Time{}).Of("v2").Total()).To(BeZero(), "requests that the canary answers")
		canary, err := r.Deployment(ctx, "podinfo-canary")
		Expect(err).NotTo(HaveOccurred())
		Expect(canary).NotTo(BeNil(), "the canary stays")

		By("kubectl changes the primary without a canary")
		r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION=v3")
		r.kubectl(ctx, "rollout", "status", "deployment/podinfo", timeout())
		Eventually(ctx, r.primaryVersions, patience(), glance).WithContext(ctx).Should(Equal(map[string]bool{"v3": true}))
		out, code = r.emergency(ctx, "on", "--timeout=10s")
		Expect(code).To(Equal(1), out)
		Expect(out).To(ContainSubstring("has no available replica"))

		By("its image is mended")
		mend(ctx)
		Expect(r.leader(ctx)).To(BeEmpty(), "nobody reconciles")
		out, code = r.emergency(ctx, "on")
		Expect(code).To(BeZero(), out)
		Expect(out).To(And(ContainSubstring("Sluice is on"), ContainSubstring("Deployment emergency/podinfo: template "), ContainSubstring("is cancelled, because the primary's template changed")))
		r.expectEvents(ctx, "TemplateChangedDirectly")
		r.waitUntil(ctx, "the end of v2", func(s v1alpha1.CanaryStatus) bool { return s.Rollout == nil })
		r.expectClean(ctx, "v3")
		r.setVersion(ctx, "v4")
		r.waitUntil(ctx, "half of the requests at the canary again", func(s v1alpha1.CanaryStatus) bool { return observed.Checked(s) && s.CanaryWeight == 50 })
		Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v3": true}))
		r.expectNoFailures(ctx, "nobody")
	})

	It("is stopped while it runs", func(ctx SpecContext) {
		r := given(ctx, "emergency-running", with(map[string]string{"sluice.dev/step-weight": "50", "sluice.dev/max-weight": "50", "sluice.dev/interval": "1h"}), "")
		r.kubectl(ctx, "create", "clusterrolebinding", "erin", "--clusterrole=sluice-emergency", "--user=erin")
		DeferCleanup(func(ctx SpecContext) {
			out, code := r.emergency(ctx, "on")
			Expect(code).To(BeZero(), out)
			r.kubectl(ctx, "delete", "clusterrolebinding", "erin")
		})
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "half of the requests at the canary", func(s v1alpha1.CanaryStatus) bool { return observed.Checked(s) && s.CanaryWeight == 50 })
		out, code := r.emergency(ctx, "off")
		Expect(code).To(BeZero(), out)
		Expect(out).To(ContainSubstring("scaled to 0"))
		r.expectRoutesAsBefore(ctx)
		out, code = r.emergency(ctx, "on")
		Expect(code).To(BeZero(), out)
		Expect(out).To(ContainSubstring("begins with the first step"))
		r.waitUntil(ctx, "the step again", func(s v1alpha1.CanaryStatus) bool { return observed.Checked(s) && s.CanaryWeight == 50 })
		r.expectNoFailures(ctx, "nobody")
	})
})
