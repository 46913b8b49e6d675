package suite

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
)

var _ = Describe("A template that comes with fewer replicas", func() {
	replicas := func(ctx SpecContext, r *rollout) string {
		return r.kubectl(ctx, "get", "deployment", "podinfo", "-o", "jsonpath={.spec.replicas}")
	}
	halve := func(ctx SpecContext, r *rollout, version, errors string) {
		out := r.kubectl(ctx, "patch", "deployment", "podinfo", "-p", fmt.Sprintf(
			`{"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"podinfo","env":[{"name":"VERSION","value":%q},{"name":"ERROR_RATE","value":%q}]}]}}}}`, version, errors))
		Expect(out).To(ContainSubstring("spec.replicas is held back with it: 4 replicas stay until "))
		Expect(replicas(ctx, r)).To(Equal("4"))
	}

	It("leaves the primary all of its replicas until it is promoted", func(ctx SpecContext) {
		r := given(ctx, "held-replicas", quick, "")
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		r.kubectl(ctx, "scale", "deployment", "podinfo", "--replicas=4")
		r.kubectl(ctx, "rollout", "status", "deployment/podinfo", "--timeout=120s")
		halve(ctx, r, "v2", "1")
		r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(replicas(ctx, r)).To(Equal("4"), "of the old version after a failure")
		halve(ctx, r, "v3", "0")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(replicas(ctx, r)).To(Equal("2"), "of the new version")
		r.expectClean(ctx, "v3")
		r.expectNoFailures(ctx, "v2")
	})
})
