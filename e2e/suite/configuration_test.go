package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

// configure applies the application with a ConfigMap that is named by its content, as docs/how-to/configuration.md says.
func (r *rollout) configure(ctx context.Context, options app.Options, literals string) {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	kustomization := fmt.Sprintf(`
resources: [podinfo.yaml]
configMapGenerator: [{name: podinfo, namespace: %s, literals: [%s]}]
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: podinfo, namespace: %[1]s}
      spec:
        template:
          spec:
            containers:
              - name: podinfo
                env:
                  - {name: VERSION, value: null, valueFrom: {configMapKeyRef: {name: podinfo, key: VERSION}}}
                  - {name: ERROR_RATE, valueFrom: {configMapKeyRef: {name: podinfo, key: ERROR_RATE, optional: true}}}
`, r.Namespace, literals)
	for name, content := range map[string]string{"podinfo.yaml": app.Manifest(r.Namespace, options), "kustomization.yaml": kustomization} {
		Expect(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)).To(Succeed())
	}
	By("kubectl apply -k with " + literals)
	r.kubectl(ctx, "apply", "-k", dir)
}

// configurationOf returns the ConfigMap that a Deployment takes its version from. Empty if there is none.
func (r *rollout) configurationOf(ctx context.Context, deployment string) string {
	GinkgoHelper()
	d, err := r.Deployment(ctx, deployment)
	Expect(err).NotTo(HaveOccurred())
	from := d.Spec.Template.Spec.Containers[0].Env[0].ValueFrom
	if from == nil {
		return ""
	}
	return from.ConfigMapKeyRef.Name
}

func inFirstStep(s v1alpha1.CanaryStatus) bool {
	return s.Phase == v1alpha1.PhaseProgressing && inEffect(1)(s)
}

var _ = Describe("A new configuration", func() {
	It("in a ConfigMap named by its content reaches the canary first, and never a primary that is not to have it", func(ctx SpecContext) {
		options := app.Options{Replicas: 2, Annotations: with(map[string]string{"sluice.dev/max-weight": "20"})}
		r := begin(ctx, "configuration", scene{Options: options})
		r.configure(ctx, options, "VERSION=v2")
		r.waitUntil(ctx, "step 1 in effect", inFirstStep)
		Expect(r.configurationOf(ctx, "podinfo")).To(BeEmpty())
		first := r.configurationOf(ctx, "podinfo-canary")
		Expect(first).To(HavePrefix("podinfo-"))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(r.configurationOf(ctx, "podinfo")).To(Equal(first))

		r.configure(ctx, options, "VERSION=v3, ERROR_RATE=1")
		r.waitUntil(ctx, "step 1 of v3 in effect", inFirstStep)
		Expect(r.configurationOf(ctx, "podinfo-canary")).NotTo(Equal(first))
		By("the primary gets a further pod in flight")
		r.kubectl(ctx, "scale", "deployment/podinfo", "--replicas=3")
		r.kubectl(ctx, "rollout", "status", "deployment/podinfo", timeout())
		Expect(r.configurationOf(ctx, "podinfo")).To(Equal(first))
		failed := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(failed.Candidate.Reason).To(ContainSubstring("request-success-rate"))
		Expect(r.configurationOf(ctx, "podinfo")).To(Equal(first))
		r.expectRoutesAsBefore(ctx)
		Eventually(ctx, func() []string { return r.run.Report().Between(time.Now().Add(-time.Second), time.Time{}).Versions() }, patience(), glance).
			Should(Equal([]string{"v2"}), "all answers of a second")
		r.expectNoFailures(ctx, "v3")
	})
})
