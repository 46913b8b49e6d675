package suite

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/internal/admission"
)

// unguarded keeps the guard out of the namespace until the spec ends. Everything else of admission goes on.
func (r *rollout) unguarded(ctx context.Context) {
	GinkgoHelper()
	guard := &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "zz-sluice"}}
	choose := func(ctx context.Context, selector *metav1.LabelSelector) {
		GinkgoHelper()
		Expect(r.Client.Get(ctx, client.ObjectKeyFromObject(guard), guard)).To(Succeed())
		before := guard.DeepCopy()
		for i := range guard.Webhooks {
			guard.Webhooks[i].NamespaceSelector = selector
		}
		Expect(r.Client.Patch(ctx, guard, client.MergeFrom(before))).To(Succeed())
	}
	DeferCleanup(func(ctx SpecContext) { choose(ctx, &metav1.LabelSelector{}) })
	choose(ctx, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpNotIn, Values: []string{r.Namespace}}}})
}

var _ = Describe("A change that comes past what the webhooks expect", func() {
	It("is put back when it edits the canary, and the steps start anew", func(ctx SpecContext) {
		r := begin(ctx, "edited-past", scene{Options: app.Options{Replicas: 2, Annotations: with(unhurried)}})
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "step 2", inEffect(2))
		r.unguarded(ctx)
		// The API server reads the changed registration a moment later.
		Eventually(ctx, func() error {
			_, err := r.Kubectl(ctx, "", "set", "env", "deployment/podinfo-canary", "VERSION=v3")
			return err
		}, patience(), glance).Should(Succeed())
		r.waitUntil(ctx, "the weight to go", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight == 0 && s.Open().Step.Number == 0 })
		r.expectEvents(ctx, "CanaryEdited")
		Expect(r.messages(ctx, "CanaryEdited")[0]).To(ContainSubstring("kubectl-set"), "the editor")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})

	It("is held back when it replaces the whole object, whoever sends it", func(ctx SpecContext) {
		options := app.Options{Replicas: 2, Annotations: with(map[string]string{"sluice.dev/max-weight": "20"})}
		r := begin(ctx, "replaced", scene{Options: options})
		replace := func(manager, version string) string {
			GinkgoHelper()
			manifest := strings.ReplaceAll(app.Manifest(r.Namespace, options), `name: VERSION, value: "v1"`, `name: VERSION, value: "`+version+`"`)
			var out string
			// Sluice may write the route between kubectl's read and its write. Who replaces objects tries again.
			Eventually(ctx, func() (err error) {
				out, err = r.Kubectl(ctx, manifest, "replace", "--field-manager="+manager, "-f", "-")
				return err
			}, patience(), glance).Should(Succeed())
			return out
		}
		By("Git says v2")
		Expect(replace("argocd-controller", "v2")).To(ContainSubstring(admission.HeldBack))
		r.waitUntil(ctx, "step 1", inEffect(1))
		By("Git says v1 again, in flight")
		replace("argocd-controller", "v1")
		r.waitUntil(ctx, "the end", func(s v1alpha1.CanaryStatus) bool { return s.Rollout == nil && s.CanaryWeight == 0 })
		Expect(r.kubectl(ctx, "get", "deployment", "podinfo", "-o", "jsonpath={.metadata.annotations.sluice\\.dev/candidate}")).To(BeEmpty())
		Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v1": true}))
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("A namespace that may have one Service", func() {
	It("is told what keeps the canary away, and goes on when it may have another", func(ctx SpecContext) {
		r := begin(ctx, "one-service", scene{Options: app.Options{Replicas: 1, Annotations: with(map[string]string{"sluice.dev/max-weight": "20"})},
			manifests: []string{"{apiVersion: v1, kind: ResourceQuota, metadata: {namespace: one-service, name: services}, spec: {hard: {services: \"1\"}}}"}})
		r.setVersion(ctx, "v2")
		r.expectEvents(ctx, "CanaryRejected")
		Expect(r.messages(ctx, "CanaryRejected")[0]).To(ContainSubstring("exceeded quota: services"))
		r.waitUntil(ctx, "a message that says why", func(s v1alpha1.CanaryStatus) bool { return strings.Contains(s.Message, "exceeded quota: services") })
		Expect(r.shares(ctx)["HTTPRoute/one-service/podinfo"]).To(Equal([]float64{0}), "no route names a Service that is not there")
		r.kubectl(ctx, "delete", "resourcequota", "services")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("A gateway that falls silent", func() {
	It("holds the end of a rollout for a minute, and is named", func(ctx SpecContext) {
		r := begin(ctx, "silent", scene{Options: app.Options{Replicas: 1, Annotations: with(map[string]string{
			"sluice.dev/max-weight": "20", "sluice.dev/progress-deadline": "20s"})}})
		Expect(r.Apply(ctx, app.ServiceRoute("silent", app.Name))).To(Succeed())
		r.routes = r.userRoutes(ctx)
		leave := r.meshAccepts(ctx, unsplit)
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseProgressing)
		leave()
		r.meshAccepts(ctx, func(backends []gatewayv1.BackendRef) bool { return !unsplit(backends) })
		r.waitFor(ctx, v1alpha1.PhaseFinalising)
		s := r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(s.History[0].Outcome).To(Equal(v1alpha1.OutcomeSucceeded))
		r.expectEvents(ctx, "GatewaySilent")
		Expect(r.messages(ctx, "GatewaySilent")[0]).To(ContainSubstring("Service silent/podinfo"))
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})
