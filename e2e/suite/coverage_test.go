package suite

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

// admits is a NetworkPolicy of a database that admits pods by the label app.
func admits(namespace, values string) string {
	return strings.NewReplacer("$NAMESPACE", namespace, "$VALUES", values).Replace(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: database, namespace: $NAMESPACE}
spec:
  podSelector: {matchLabels: {app: database}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [$VALUES]}]}}]}]
`)
}

// encrypts is a BackendTLSPolicy for a port that the Services do not have, so that the gateway sends as before.
func encrypts(namespace string, services ...string) string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(`apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: podinfo, namespace: $NAMESPACE}
spec:
  validation: {hostname: podinfo, wellKnownCACertificates: System}
  targetRefs:
`, "$NAMESPACE", namespace))
	for _, service := range services {
		b.WriteString("    - {group: \"\", kind: Service, name: " + service + ", sectionName: other}\n")
	}
	return b.String()
}

func heldBy(parts ...string) func(v1alpha1.CanaryStatus) bool {
	return func(s v1alpha1.CanaryStatus) bool {
		if s.Blocked == nil || s.Blocked.Kind != v1alpha1.BlockedUnprotected {
			return false
		}
		for _, part := range parts {
			if !strings.Contains(s.Blocked.Text, part) {
				return false
			}
		}
		return true
	}
}

var _ = Describe("Policies that would miss the canary", func() {
	It("hold the rollout until they are mended, under traffic", func(ctx SpecContext) {
		const namespace = "missed"
		r := begin(ctx, namespace, scene{
			Options:   app.Options{Replicas: 2, Annotations: byPolicy},
			manifests: []string{policy(namespace, "{interval: 3s, stepWeights: [50], "+successRate+"}"), admits(namespace, "podinfo"), encrypts(namespace, "podinfo")},
		})
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "a hold by both", heldBy("BackendTLSPolicy podinfo, NetworkPolicy database; have each select"))
		Expect(r.Deployment(ctx, "podinfo-canary")).To(BeNil(), "nothing is made before")

		By("the NetworkPolicy admits the canary")
		Expect(r.Apply(ctx, admits(namespace, "podinfo, podinfo-canary"))).To(Succeed())
		r.waitUntil(ctx, "a hold by the other", heldBy("the canary: BackendTLSPolicy podinfo; have each select Service podinfo-canary"))

		By("the BackendTLSPolicy names the canary's Service")
		Expect(r.Apply(ctx, encrypts(namespace, "podinfo", "podinfo-canary"))).To(Succeed())
		s := r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProtected)).To(BeNil())
		r.expectEvents(ctx, "CandidateBlocked", "CandidateHeld", "Promoted")
		r.expectClean(ctx, "v2")

		By("the next one is let pass")
		Expect(r.Apply(ctx, admits(namespace, "podinfo"))).To(Succeed())
		r.setVersion(ctx, "v3")
		r.waitUntil(ctx, "a hold", heldBy("NetworkPolicy database"))
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/missed-policies=NetworkPolicy/database")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectEvents(ctx, "PoliciesMissCanary")
		r.expectClean(ctx, "v3")
		r.expectNoFailures(ctx, "nobody")
	})
})
