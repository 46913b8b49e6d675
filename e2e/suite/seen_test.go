package suite

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/admission"
)

// notForCI is a policy of the cluster that forbids one user a version. It goes by the author whom Sluice names.
const notForCI = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: not-for-ci}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  variables:
    - name: requestedBy
      expression: "has(object.metadata.annotations) && 'sluice.dev/requested-by' in object.metadata.annotations ? object.metadata.annotations['sluice.dev/requested-by'] : ''"
    - name: user
      expression: "request.userInfo.username == 'system:serviceaccount:sluice-system:sluice' ? variables.requestedBy : request.userInfo.username"
  validations:
    - expression: "variables.user != 'system:serviceaccount:$NAMESPACE:ci' || object.spec.template.spec.containers[0].env[0].value != 'v2'"
      messageExpression: "variables.user + ' may not run v2'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: not-for-ci}
spec:
  policyName: not-for-ci
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NAMESPACE}}}
`

var _ = Describe("A template that a policy of the cluster forbids its author", func() {
	It("runs nowhere, and somebody else may roll it out", func(ctx SpecContext) {
		r := given(ctx, "seen", quick, "")
		DeferCleanup(func(ctx SpecContext) {
			r.kubectl(ctx, "delete", "validatingadmissionpolicies,validatingadmissionpolicybindings", "not-for-ci", "--ignore-not-found")
		})
		Expect(r.Apply(ctx, strings.ReplaceAll(editor, "$NAMESPACE", r.Namespace), strings.ReplaceAll(notForCI, "$NAMESPACE", r.Namespace))).To(Succeed())
		ci, err := r.AsServiceAccount("ci")
		Expect(err).NotTo(HaveOccurred())
		refusal := "system:serviceaccount:" + r.Namespace + ":ci may not run v2"
		By("a dry run past Sluice says so at once, and stores nothing")
		Eventually(ctx, func() error {
			_, err := ci.Kubectl(ctx, "", "set", "env", "deployment/podinfo", "VERSION=v2", "--dry-run=server", "--field-manager="+config.AuthorManager)
			return err
		}, patience(), glance).Should(MatchError(ContainSubstring(refusal)))
		By("the request is held back, and the canary is refused")
		out, err := ci.Kubectl(ctx, "", "set", "env", "deployment/podinfo", "VERSION=v2")
		Expect(err).NotTo(HaveOccurred())
		Expect(out).To(ContainSubstring(admission.HeldBack))
		Eventually(ctx, func() string { return strings.Join(r.messages(ctx, "CanaryRejected"), "\n") }, patience(), glance).Should(ContainSubstring(refusal))
		Expect(r.Deployment(ctx, "podinfo-canary")).To(BeNil())
		Expect(r.run.Report().FirstSeen("v2")).To(BeZero(), "v2 has got requests")
		By("an administrator asks for another template with the same version")
		r.setVersion(ctx, "v2", "NOTE=administrator")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})
