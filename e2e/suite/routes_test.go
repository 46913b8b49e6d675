package suite

import (
	"context"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/wait"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

// meshed returns the route whose parent is a Service. The gateway of the tests does not serve it, so the spec reports in place
// of a mesh.
const meshed = app.Name + "-mesh"

const granted = "referencegrant.gateway.networking.k8s.io/"

var _ = Describe("Routes of every kind", func() {
	It("move in one tick, and a step counts when it is in effect on all of them", func(ctx SpecContext) {
		const namespace = "routes"
		paths, edge := "paths."+namespace+".example.com", "edge."+namespace+".example.com"
		r := begin(ctx, namespace, scene{
			Options: app.Options{GRPC: true, Replicas: 2, Annotations: with(map[string]string{
				"sluice.dev/step-weight": "25", "sluice.dev/max-weight": "50", "sluice.dev/metrics": "app", "sluice.dev/interval": "4s"})},
			manifests: []string{app.PathRoute(namespace, app.Name), app.GRPCRoute(namespace, app.Name),
				app.RemoteRoute(namespace, app.Name)},
			requests: traffic.Options{Rate: 2 * rate, Also: []traffic.Target{
				{URL: app.GatewayURL + "cart", Host: paths},
				{URL: app.GatewayURL, Host: paths, Header: http.Header{"X-Tester": {"yes"}}},
				{URL: app.GatewayURL, Host: edge},
			}},
		})
		calls, err := r.Call(context.WithoutCancel(ctx), rate/2)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { GinkgoWriter.Println("calls:", calls.Stop()) })
		Eventually(ctx, func() int { return calls.Report().Of("v1").Total() }, patience(), glance).Should(BeNumerically(">", 0))

		By("nothing starts before the mesh has reported at all")
		Expect(r.Apply(ctx, app.ServiceRoute(namespace, app.Name))).To(Succeed())
		r.routes = r.userRoutes(ctx)
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "the first report of the mesh", func(s v1alpha1.CanaryStatus) bool {
			return s.Phase == v1alpha1.PhaseWaiting && strings.Contains(s.Message, "Service routes/podinfo has never reported")
		})
		leave := r.meshAccepts(ctx, unsplit)
		r.waitFor(ctx, v1alpha1.PhaseProgressing)

		By("no request comes to the canary before the mesh knows it")
		r.waitUntil(ctx, "the mesh", func(s v1alpha1.CanaryStatus) bool { return waitsForMesh(s, "waiting until the gateway knows it") })
		Expect(r.shares(ctx)).To(HaveEach(HaveEach(0.)))

		leave()
		leave = r.meshAccepts(ctx, atMost(25))
		s := r.waitUntil(ctx, "step 1 in effect", moments[1].holds)
		Expect(r.shares(ctx)).To(SatisfyAll(HaveLen(5), HaveEach(HaveEach(25.))), "all routes have the weight of the step")
		Expect(r.shares(ctx)["HTTPRoute/routes/podinfo-paths"]).To(HaveLen(2), "of both rules")

		By("the route of another namespace was granted the canary's Service too, for as long as there is one")
		Expect(r.kubectl(ctx, "get", "referencegrants", "-o", "name")).To(Equal(granted + "edge\n" + granted + "podinfo-canary"))

		By("the next weight is on all routes, and does not count while one parent has not accepted it")
		r.waitUntil(ctx, "the mesh", func(s v1alpha1.CanaryStatus) bool {
			return s.Open().Step.Number == 2 && waitsForMesh(s, "Waiting for weight 50% to take effect")
		})
		Expect(r.shares(ctx)).To(HaveEach(HaveEach(50.)))
		Expect(r.status(ctx).Open().Step.InEffect).To(BeNil())
		leave()
		r.meshAccepts(ctx, atMost(100))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)

		By("every host, path and call was shared")
		seen := lateIn(r.run.Report(), s.Open().Step.InEffect, 4*time.Second)
		for _, host := range []string{r.Host(), paths, edge} {
			expectShareOf(seen.Where(func(a traffic.Answer) bool { return a.Host == host }), 25)
		}
		expectShareOf(lateIn(calls.Report(), s.Open().Step.InEffect, 4*time.Second), 25)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
		Expect(calls.Report().Failed().Answers).To(BeEmpty())
		Expect(r.kubectl(ctx, "get", "referencegrants", "-o", "name")).To(Equal(granted + "edge"))
	})
})

func waitsForMesh(s v1alpha1.CanaryStatus, what string) bool {
	return strings.Contains(s.Message, what+": HTTPRoute "+meshed+": Service routes/podinfo has not reported")
}

// meshAccepts has a mesh accept each generation of the meshed route whose backends it agrees to, until it leaves.
// A mesh that has to be stopped in time would accept one generation too many on a busy machine.
func (r *rollout) meshAccepts(ctx context.Context, agrees func([]gatewayv1.BackendRef) bool) (leave func()) {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = wait.PollUntilContextCancel(background, glance, true, func(ctx context.Context) (bool, error) {
			route, err := r.Named(meshed).Route(ctx)
			if err == nil && route != nil && lags(route) && agrees(backendsOf(route.Spec.Rules[0])) {
				// A change in the meantime is seen in the next look.
				_ = r.Accept(ctx, route, "example.com/mesh")
			}
			return false, nil
		})
	}()
	leave = func() { cancel(); <-ended }
	DeferCleanup(leave)
	return leave
}

// atMost agrees to backends of which the canary has at most this percentage. Zero is a canary without requests.
func atMost(weight float64) func([]gatewayv1.BackendRef) bool {
	return func(backends []gatewayv1.BackendRef) bool { return shareIn(backends) <= weight }
}

func unsplit(backends []gatewayv1.BackendRef) bool { return len(backends) == 1 }

func backendsOf(rule gatewayv1.HTTPRouteRule) []gatewayv1.BackendRef {
	backends := make([]gatewayv1.BackendRef, 0, len(rule.BackendRefs))
	for _, b := range rule.BackendRefs {
		backends = append(backends, b.BackendRef)
	}
	return backends
}

func lags(route *gatewayv1.HTTPRoute) bool {
	parents := route.Status.Parents
	return len(parents) == 0 || parents[0].Conditions[0].ObservedGeneration < route.Generation
}

// shares returns the canary's parts of the rules of each route, in percent. A rule without a canary has 0.
func (r *rollout) shares(ctx context.Context) map[string][]float64 {
	GinkgoHelper()
	all := map[string][]float64{}
	for name, route := range r.userRoutes(ctx) {
		switch spec := route.spec.(type) {
		case gatewayv1.HTTPRouteSpec:
			for _, rule := range spec.Rules {
				all[name] = append(all[name], shareIn(backendsOf(rule)))
			}
		case gatewayv1.GRPCRouteSpec:
			for _, rule := range spec.Rules {
				var backends []gatewayv1.BackendRef
				for _, b := range rule.BackendRefs {
					backends = append(backends, b.BackendRef)
				}
				all[name] = append(all[name], shareIn(backends))
			}
		}
	}
	return all
}

func shareIn(backends []gatewayv1.BackendRef) float64 {
	var canary, sum float64
	for _, b := range backends {
		sum += float64(*b.Weight)
		if strings.HasSuffix(string(b.Name), "-canary") {
			canary += float64(*b.Weight)
		}
	}
	return 100 * canary / sum
}
