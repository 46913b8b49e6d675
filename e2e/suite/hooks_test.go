package suite

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

// hook returns the URL of a hook of this name, at the gateway. The path is one of the sample application.
const hook = `{name: $NAME, type: $TYPE, url: "http://gateway.gateway-system/status/200?hook=$NAMESPACE-$NAME", retries: 1}`

// yes returns a route with which the gateway approves that hook. Without it the answer is 404.
const yes = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: hook-$NAME, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [gateway.gateway-system]
  rules:
    - matches: [{path: {value: /status/200}, queryParams: [{name: hook, value: $NAMESPACE-$NAME}]}]
      backendRefs: [{name: hooks, port: 80}]
`

func hookOf(namespace, name, kind string) string {
	return strings.NewReplacer("$NAMESPACE", namespace, "$NAME", name, "$TYPE", kind).Replace(hook)
}

func (r *rollout) opened(ctx context.Context, name string) {
	GinkgoHelper()
	By("hook " + name + " says yes")
	Expect(r.Apply(ctx, strings.NewReplacer("$NAMESPACE", r.Namespace, "$NAME", name).Replace(yes))).To(Succeed())
}

func (r *rollout) closed(ctx context.Context, names ...string) {
	GinkgoHelper()
	for _, name := range names {
		r.kubectl(ctx, "delete", "httproute", "hook-"+name, "--ignore-not-found")
	}
}

// waitsFor waits until a gate has refused the rollout.
func (r *rollout) waitsFor(ctx context.Context, gate v1alpha1.HookType, name string) v1alpha1.CanaryStatus {
	GinkgoHelper()
	return r.waitUntil(ctx, "a no of hook "+name, func(s v1alpha1.CanaryStatus) bool {
		return s.Gate != nil && s.Gate.Type == gate && strings.HasPrefix(s.Message, "Waiting for hook "+name+" ("+string(gate)+") to approve; it has refused since")
	})
}

var _ = Describe("Gates", func() {
	It("hold a rollout where they are, until they say yes, and one rolls back by it", func(ctx SpecContext) {
		const namespace = "gates"
		hooks := []string{
			hookOf(namespace, "start", "confirm-rollout"), hookOf(namespace, "more", "confirm-traffic-increase"),
			hookOf(namespace, "promotion", "confirm-promotion"), hookOf(namespace, "panic", "rollback"),
		}
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 2, Annotations: byPolicy},
			manifests: []string{
				policy(namespace, "{interval: 2s, stepWeights: [50], "+successRate+", webhooks: ["+strings.Join(hooks, ", ")+"]}"),
				app.Manifest(namespace, app.Options{Name: "hooks", Replicas: 1, NoRoute: true}),
			},
		})
		r.setVersion(ctx, "v2")
		Expect(r.waitsFor(ctx, v1alpha1.HookConfirmRollout, "start").Phase).To(Equal(v1alpha1.PhaseWaiting))
		Expect(r.Deployment(ctx, "podinfo-canary")).To(BeNil())
		r.opened(ctx, "start")
		r.waitsFor(ctx, v1alpha1.HookConfirmTrafficIncrease, "more")
		Expect(r.run.Report().Of("v2").Answers).To(BeEmpty())
		r.opened(ctx, "more")
		Expect(r.waitsFor(ctx, v1alpha1.HookConfirmPromotion, "promotion").Phase).To(Equal(v1alpha1.PhaseWaitingPromotion))
		Expect(r.primaryVersions(ctx)).To(Equal(map[string]bool{"v1": true}))
		r.opened(ctx, "promotion")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.closed(ctx, "start", "more", "promotion")
		r.expectClean(ctx, "v2")
		r.expectEvents(ctx, "GateReached", "Promoted")

		By("a hook of type rollback ends a rollout that waits")
		r.setVersion(ctx, "v3")
		r.opened(ctx, "start")
		r.opened(ctx, "more")
		r.waitsFor(ctx, v1alpha1.HookConfirmPromotion, "promotion")
		r.opened(ctx, "panic")
		Expect(r.waitFor(ctx, v1alpha1.PhaseFailed).Candidate.Reason).To(ContainSubstring("hook panic"))
		r.closed(ctx, "start", "more", "panic")
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})
