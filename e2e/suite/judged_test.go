package suite

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/internal/admission"
)

// injecting adds an annotation to every pod template of one namespace, also after Sluice has put a template back.
const injecting = `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: judged-injects}
spec:
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {expression: 'Object{spec: Object.spec{template: Object.spec.template{metadata: Object.spec.template.metadata{annotations: {"injected": "later"}}}}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: judged-injects}
spec:
  policyName: judged-injects
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: judged-injected}}}
`

// expectRefused runs kubectl, which must fail with these words.
func (r *rollout) expectRefused(ctx context.Context, words string, args ...string) {
	GinkgoHelper()
	out, err := r.Kubectl(ctx, "", args...)
	Expect(err).To(HaveOccurred())
	Expect(out).To(ContainSubstring(words))
}

var _ = Describe("What is judged", func() {
	It("is valid, and fewer replicas are held with it", func(ctx SpecContext) {
		r := begin(ctx, "judged", scene{Options: app.Options{Annotations: quick}})
		By("a template that could never be promoted is refused in the request")
		r.expectRefused(ctx, "`selector` does not match template `labels`",
			"patch", "deployment", "podinfo", "-p", `{"spec":{"template":{"metadata":{"labels":{"app":"other"}}}}}`)
		r.expectRefused(ctx, `spec.template.spec.containers[0].volumeMounts[0].name: Not found: "settings"`, "patch", "deployment", "podinfo", "--type=json", "-p",
			`[{"op":"add","path":"/spec/template/spec/containers/0/volumeMounts","value":[{"name":"settings","mountPath":"/etc/demo"}]}]`)
		primary, err := r.Deployment(ctx, app.Name)
		Expect(err).NotTo(HaveOccurred())
		Expect(primary.Annotations[config.AnnotationCandidate]).To(BeEmpty())
		By("fewer replicas in the same request are held back with the template")
		out := r.kubectl(ctx, "patch", "deployment", "podinfo", "--type=json", "-p",
			`[{"op":"replace","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"v2"}]`)
		Expect(out).To(And(ContainSubstring(admission.HeldBack), ContainSubstring("spec.replicas is held back with it: 4 replicas stay")))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
	})

	It("is gone round only by those who may", func(ctx SpecContext) {
		r := begin(ctx, "judged-bypass", scene{Options: app.Options{Annotations: quick}})
		r.kubectl(ctx, "create", "rolebinding", "ed", "--clusterrole", "edit", "--user", "ed")
		r.kubectl(ctx, "create", "rolebinding", "ada", "--clusterrole", "admin", "--user", "ada")
		for _, annotation := range []string{"sluice.dev/skip-analysis=true", "sluice.dev/restart=direct", "sluice.dev/canary=false"} {
			args := []string{"annotate", "--overwrite", "--dry-run=server", "deployment", "podinfo", annotation}
			// The API server knows a binding a moment after it was created.
			as := func(user string) (string, error) {
				return r.Kubectl(ctx, "", append([]string{"--as=" + user}, args...)...)
			}
			Eventually(ctx, func() string { out, _ := as("ed"); return out }, patience(), glance).Should(
				ContainSubstring("ed may not go round the analysis of judged-bypass/podinfo"))
			Eventually(ctx, func() error { _, err := as("ada"); return err }, patience(), glance).Should(Succeed())
		}
		By("a rollout needs no such right")
		r.kubectl(ctx, "--as=ed", "set", "env", "deployment/podinfo", "VERSION=v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
	})

	It("is promoted where a policy changes every template", func(ctx SpecContext) {
		r := begin(ctx, "judged-injected", scene{Options: app.Options{Annotations: quick}, manifests: []string{injecting}})
		DeferCleanup(func(ctx SpecContext) { Expect(r.Remove(ctx, injecting)).To(Succeed()) })
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
	})
})
