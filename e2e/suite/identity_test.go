package suite

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/internal/workload"
)

var _ = Describe("What is judged", func() {
	It("starts anew when the template in flight is reset and requested again in one request", func(ctx SpecContext) {
		r := given(ctx, "again", quick, "")
		r.setVersion(ctx, "v2")
		first := r.waitUntil(ctx, "step 2", inEffect(2))
		By("a reset with the same template")
		r.kubectl(ctx, "patch", "deployment", "podinfo", "--type=strategic", "-p", `{"metadata":{"annotations":{"sluice.dev/reset":"true"}},`+
			`"spec":{"template":{"spec":{"containers":[{"name":"podinfo","env":[{"name":"VERSION","value":"v2"}]}]}}}}`)
		again := r.waitUntil(ctx, "the first step of the second request", func(s v1alpha1.CanaryStatus) bool {
			return s.Open().Step.Number == 1 && !s.Candidate.Requested.At.Equal(first.Candidate.Requested.At)
		})
		Expect(again.Candidate.Hash).To(Equal(first.Candidate.Hash), "the template is the same")
		Expect(again.Open().Started.After(first.Open().Started.Time)).To(BeTrue(), "it goes on from the step of the first")
		last := r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect([]v1alpha1.Outcome{last.History[0].Outcome, last.History[1].Outcome}).To(Equal([]v1alpha1.Outcome{v1alpha1.OutcomeSucceeded, v1alpha1.OutcomeSuperseded}))
		r.expectEvents(ctx, "Superseded")
		r.expectNoFailures(ctx, "nobody")
		r.expectClean(ctx, "v2")
	})

	It("is what is promoted, whatever the status subresource is told", func(ctx SpecContext) {
		r := given(ctx, "statusin", with(map[string]string{"sluice.dev/interval": "4s"}), "")
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 1", inEffect(1))
		primary, err := r.Deployment(ctx, "podinfo")
		Expect(err).NotTo(HaveOccurred())
		forged, err := workload.CandidateOf(primary.Annotations)
		Expect(err).NotTo(HaveOccurred())
		forged.Template["metadata"].(map[string]any)["labels"].(map[string]any)["evil"] = "true"
		forged.Hash = forged.Template.Hash()
		text, err := forged.Encode()
		Expect(err).NotTo(HaveOccurred())
		out := r.kubectl(ctx, "patch", "deployment", "podinfo", "--subresource=status", "--type=merge", "-p",
			fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, config.AnnotationCandidate, text))
		Expect(out).To(ContainSubstring("cannot be changed through status"))
		last := r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(last.History).To(HaveLen(1), "the candidate was replaced")
		primary, err = r.Deployment(ctx, "podinfo")
		Expect(err).NotTo(HaveOccurred())
		Expect(primary.Spec.Template.Labels).NotTo(HaveKey("evil"))
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("Records", func() {
	It("of a template that was taken back are gone from its ReplicaSets", func(ctx SpecContext) {
		const secret = "hunter2"
		r := given(ctx, "takenback", with(map[string]string{"sluice.dev/interval": "1m"}), "")
		r.setVersion(ctx, "v2", "PASSWORD="+secret)
		r.waitUntil(ctx, "step 1", inEffect(1))
		kept := func() string { return r.kubectl(ctx, "get", "deployments,replicasets", "-o", "yaml") }
		Eventually(ctx, kept, patience(), glance).Should(ContainSubstring(secret))
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/reset=true")
		r.waitFor(ctx, v1alpha1.PhaseInitialized)
		Eventually(ctx, kept, patience(), glance).ShouldNot(ContainSubstring(secret))
	})

	It("that nobody wrote are shown to nobody", func(ctx SpecContext) {
		r := begin(ctx, "forged", scene{quiet: true, Options: app.Options{Replicas: 1, Annotations: quick}})
		primary, err := r.Deployment(ctx, "podinfo")
		Expect(err).NotTo(HaveOccurred())
		template, err := workload.TemplateOf(primary.Spec.Template)
		Expect(err).NotTo(HaveOccurred())
		direct, err := workload.Directs{{Hash: template.KnownHash(), How: workload.DirectBypass, Reason: "CAB-4711", By: "alice", At: time.Now()}}.Encode()
		Expect(err).NotTo(HaveOccurred())
		previous, err := workload.Previous{Hash: template.Hash(), Template: template, Promoted: template.Hash(), By: "alice"}.Encode()
		Expect(err).NotTo(HaveOccurred())
		r.kubectl(ctx, "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=false")
		r.waitFor(ctx, v1alpha1.PhaseOptedOut)
		out := r.kubectl(ctx, "annotate", "--overwrite", "deployment", "podinfo", config.AnnotationDirect+"="+direct, config.AnnotationPrevious+"="+previous)
		Expect(out).To(ContainSubstring("only Sluice itself writes these records"))
		r.kubectl(ctx, "annotate", "--overwrite", "deployment", "podinfo", "sluice.dev/canary=true")
		s := r.waitFor(ctx, v1alpha1.PhaseInitialized)
		for _, entry := range s.History {
			Expect(entry.By).NotTo(ContainSubstring("alice"), "the history has what nobody did: %+v", entry)
		}
		Expect(r.messages(ctx, "ChangedDirectly")).NotTo(ContainElement(ContainSubstring("alice")))
	})
})
