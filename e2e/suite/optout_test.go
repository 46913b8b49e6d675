package suite

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/admission"
)

var _ = Describe("A Deployment", func() {
	It("stays opted in when it goes back to a revision from before the opt-in", func(ctx SpecContext) {
		r := given(ctx, "undo-opt-in", quick, "")
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/canary-")
		r.waitFor(ctx, v1alpha1.PhaseOptedOut)
		for _, version := range []string{"v0", "v1"} {
			r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION="+version)
			r.kubectl(ctx, "rollout", "status", "deployment/podinfo", "--timeout=120s")
		}
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/canary=true")
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		onlyV1 := Equal(map[string]bool{"v1": true})
		Eventually(ctx, r.primaryVersions, patience(), glance).WithContext(ctx).Should(onlyV1, "the pods of v0 are gone")
		out := r.kubectl(ctx, "rollout", "undo", "deployment/podinfo", "--to-revision=2")
		Expect(out).To(And(ContainSubstring(admission.HeldBack), ContainSubstring("so it was put back")))
		Expect(r.primaryVersions(ctx)).To(onlyV1)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v0")
		r.expectEvents(ctx, "OptedOut", "OptInLeftOut", "Promoted")
		r.expectNoFailures(ctx, "nobody")
	})

	It("keeps its history when it is opted out, changed and opted in", func(ctx SpecContext) {
		r := given(ctx, "opt-out-history", quick, "")
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.kubectl(ctx, "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=false")
		r.waitFor(ctx, v1alpha1.PhaseOptedOut)
		r.kubectl(ctx, "set", "env", "deployment/podinfo", "VERSION=v3")
		r.kubectl(ctx, "rollout", "status", "deployment/podinfo", "--timeout=120s")
		r.kubectl(ctx, "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=true")
		s := r.waitUntil(ctx, "the change in the history", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseInitialized && len(s.History) == 3
		})
		var outcomes []v1alpha1.Outcome
		for _, entry := range s.History {
			outcomes = append(outcomes, entry.Outcome)
		}
		Expect(outcomes).To(Equal([]v1alpha1.Outcome{v1alpha1.OutcomeDirect, v1alpha1.OutcomeOptedOut, v1alpha1.OutcomeSucceeded}))
		r.expectEvents(ctx, "OptedOut", "ChangedDirectly")
		r.expectNoFailures(ctx, "nobody")
	})

	It("is not unavailable because a request raises minReadySeconds", func(ctx SpecContext) {
		r := given(ctx, "min-ready", quick, "")
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		r.kubectl(ctx, "patch", "deployment", "podinfo", "-p", `{"spec":{"minReadySeconds":3600,"progressDeadlineSeconds":7200}}`)
		r.setVersion(ctx, "v2", "ERROR_RATE=1")
		s := r.waitFor(ctx, v1alpha1.PhaseProgressing)
		Expect(s.UnavailableSince).To(BeNil())
		Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v1": true}))
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/abort=true")
		r.waitFor(ctx, v1alpha1.PhaseFailed)
		r.expectClean(ctx, "v1")
		r.expectNoFailures(ctx, "nobody")
	})
})
