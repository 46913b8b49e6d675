package suite

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

// marked sends half of the requests to the application and marks them, and half to the application behind it, like a split.
const marked = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: marked, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}, {group: "", kind: Service, name: podinfo, port: 80}]
  hostnames: [marked.$NAMESPACE.example.com]
  rules:
    - backendRefs:
        - name: podinfo
          port: 80
          filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-sluice-canary, value: podinfo}]}}]
        - {name: secondary, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: mirrored, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [mirrored.$NAMESPACE.example.com]
  rules:
    - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: podinfo, port: 80}, percent: 50}}]
      backendRefs: [{name: secondary, port: 80}]
`

// The assertions of other specs about responses hold only if the gateway passes these.
var _ = Describe("The gateway of the tests", func() {
	It("serves every kind of route that rollouts are tried with, and pods reach it", func(ctx SpecContext) {
		a := placed(ctx, "gateway")
		secondary := a.Named("secondary")
		Expect(a.Deploy(ctx, app.Options{Name: "secondary", Replicas: 1})).To(Succeed())
		Expect(a.Deploy(ctx, app.Options{GRPC: true, Replicas: 1, Env: secondary.Upstream()},
			app.PathRoute(a.Namespace, app.Name), app.GRPCRoute(a.Namespace, app.Name), app.RemoteRoute(a.Namespace, app.Name),
			app.ServiceRoute(a.Namespace, app.Name), strings.ReplaceAll(marked, "$NAMESPACE", a.Namespace))).To(Succeed())

		By("pods call each other through it, and marks are passed on")
		chain := answered(ctx, a, traffic.Options{Header: map[string][]string{"X-Sluice-Canary": {"podinfo"}}})
		Expect(chain.Body.Chain()).To(Equal([]string{"v1", "v1"}))
		Expect(chain.Body.Upstream.Headers).To(HaveKeyWithValue("x-sluice-canary", "podinfo"))

		By("a route of another namespace, with a ReferenceGrant")
		Expect(answered(ctx, a, traffic.Options{Host: "edge." + a.Host()}).Version).To(Equal("v1"))
		By("rules with paths and headers")
		Expect(answered(ctx, a, traffic.Options{Host: "paths." + a.Host(), URL: app.GatewayURL + "cart"}).Version).To(Equal("v1"))
		By("filters of one backend")
		run := visited(ctx, a, traffic.Options{Host: "marked." + a.Host()})
		Eventually(ctx, func() map[string]int { return seen(run.Report()) }, patience(), glance).Should(SatisfyAll(
			HaveKey("podinfo marked podinfo"), HaveKey("secondary marked ")))
		Expect(seen(run.Stop())).To(HaveLen(2), "no request to another backend is marked")

		By("gRPC")
		calls, err := a.Call(ctx, rate)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(calls.Stop)
		Eventually(ctx, func() int { return calls.Report().Of("v1").Total() }, patience(), glance).Should(BeNumerically(">", 10))

		By("what it does not serve: Services as parents, on which nobody reports, and mirrors, which answer 500 although accepted")
		Consistently(ctx, func() ([]gatewayv1.RouteParentStatus, error) { return parents(ctx, a, "podinfo-mesh") }, "2s", glance).Should(BeEmpty())
		Expect(parents(ctx, a, "marked")).To(HaveLen(1))
		mirrored := visited(ctx, a, traffic.Options{Host: "mirrored." + a.Host()})
		Eventually(ctx, func() []int { return statuses(mirrored.Report()) }, patience(), glance).Should(ContainElement(500))
		Expect(statuses(mirrored.Stop())).NotTo(ContainElement(200))
	})

	It("tells by its class what it supports, as one of a controller that does not exist can be made to", func(ctx SpecContext) {
		a := placed(ctx, "classes")
		var class gatewayv1.GatewayClass
		Expect(a.Client.Get(ctx, client.ObjectKey{Name: "traefik"}, &class)).To(Succeed())
		Expect(class.Status.SupportedFeatures).To(ContainElement(gatewayv1.SupportedFeature{Name: "HTTPRouteBackendRequestHeaderModification"}))
		Expect(class.Status.SupportedFeatures).NotTo(ContainElement(gatewayv1.SupportedFeature{Name: "HTTPRouteRequestMirror"}))
		Expect(a.Apply(ctx, app.Class("mirroring"))).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(a.Remove(ctx, app.Class("mirroring"))).To(Succeed())
		})
		Expect(a.Supports(ctx, "mirroring", "HTTPRouteRequestMirror")).To(Succeed())
		Expect(a.Client.Get(ctx, client.ObjectKey{Name: "mirroring"}, &class)).To(Succeed())
		Expect(class.Status.SupportedFeatures).To(Equal([]gatewayv1.SupportedFeature{{Name: "HTTPRouteRequestMirror"}}))
	})

	It("takes every neighbour that a rollout has to mind", func(ctx SpecContext) {
		a := placed(ctx, "neighbours")
		clusterTool(ctx, "keda-crds")
		Expect(a.Deploy(ctx, app.Options{Replicas: 3, Resources: true}, app.Autoscaler(a.Namespace, app.Name), app.ScaledObject(a.Namespace, app.Name),
			app.DisruptionBudget(a.Namespace, app.Name), app.NetworkPolicies(a.Namespace, app.Name))).To(Succeed())
		Expect(a.Deploy(ctx, app.Options{Name: "worker", Replicas: 1, NoService: true, Env: []string{"WORKER=true"}})).To(Succeed())
		By("a worker counts its jobs")
		Eventually(ctx, func() (string, error) { return a.Scrape(ctx, "worker") }, patience(), glance).Should(ContainSubstring(`jobs_total{result="ok"}`))
	})
})

// placed creates a namespace that is removed after the spec.
func placed(ctx context.Context, namespace string) *app.App {
	GinkgoHelper()
	a, err := app.Connect(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	Expect(a.Delete(ctx)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(a.Delete(ctx)).To(Succeed()) })
	return a
}

// visited sends requests, whose answers have bodies, until the spec ends.
func visited(ctx context.Context, a *app.App, options traffic.Options) *traffic.Run {
	GinkgoHelper()
	options.Rate, options.Body = rate, true
	run, err := a.Visit(context.WithoutCancel(ctx), options)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(run.Stop)
	return run
}

// answered returns the application's first answer to such requests.
func answered(ctx context.Context, a *app.App, options traffic.Options) traffic.Answer {
	GinkgoHelper()
	run := visited(ctx, a, options)
	Eventually(ctx, func() int { return run.Report().Of("v1").Total() }, patience(), glance).Should(BeNumerically(">", 0))
	return run.Stop().Of("v1").Answers[0]
}

// seen counts the answers by application and mark.
func seen(report traffic.Report) map[string]int {
	counts := map[string]int{}
	for _, a := range report.Of("v1").Answers {
		if a.Body != nil {
			name, _, _ := strings.Cut(a.Body.Pod, "-")
			counts[name+" marked "+a.Saw("x-sluice-canary")]++
		}
	}
	return counts
}

func statuses(report traffic.Report) []int {
	var all []int
	for _, a := range report.Answers {
		all = append(all, a.Status)
	}
	return all
}

func parents(ctx context.Context, a *app.App, route string) ([]gatewayv1.RouteParentStatus, error) {
	r, err := a.Named(route).Route(ctx)
	if err != nil || r == nil {
		return nil, err
	}
	return r.Status.Parents, nil
}
