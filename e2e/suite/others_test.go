package suite

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/wait"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
	"sluice.dev/sluice/rollout/observed"
)

// jobs is a check of the sample application's worker: at most a tenth of the canary's jobs may fail.
const jobs = `{name: failed-jobs, thresholdRange: {max: 10}, query: '
	100 * sum(rate(jobs_total{namespace="{{ namespace }}", pod=~"{{ target }}-.*", result="error"}[{{ interval }}]) or vector(0))
	/ sum(rate(jobs_total{namespace="{{ namespace }}", pod=~"{{ target }}-.*"}[{{ interval }}]))'}`

var _ = Describe("Without traffic", func() {
	It("a worker's canary does a share of the work, and checks of its own decide", func(ctx SpecContext) {
		r := begin(ctx, "worker", scene{
			quiet:   true,
			Options: app.Options{NoService: true, Env: []string{"WORKER=true"}, Annotations: byPolicy},
			manifests: []string{policy("worker", "{interval: 3s, threshold: 1, stepWeights: [25, 50], metrics: ["+strings.ReplaceAll(jobs, "\n\t", " ")+"]}",
				"traffic: None")},
		})
		r.setVersion(ctx, "v2")
		for step, replicas := range []int{1, 2} {
			s := r.waitUntil(ctx, "a step", inEffect(int32(step)+1))
			Expect(r.canaryPods(ctx)).To(HaveLen(replicas), "beside 4 of the primary")
			Expect(s.CanaryWeight).To(BeZero())
		}
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		Expect(r.messages(ctx, "ShareReached")).To(Equal([]string{
			"The canary runs 25% of the replicas, step 1 of 2", "The canary runs 50% of the replicas, step 2 of 2"}))

		r.setVersion(ctx, "v3", "ERROR_RATE=1")
		s := r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.Candidate.Reason).To(ContainSubstring("failed-jobs"))
		r.expectClean(ctx, "v2")
	})
})

var _ = Describe("Mirroring", func() {
	It("is held back at a gateway that cannot, and rendered for one that says it can", func(ctx SpecContext) {
		const namespace, class, route = "mirroring", "shadow", "HTTPRoute/mirroring/podinfo"
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 1, Annotations: map[string]string{"sluice.dev/canary": "true"}},
			manifests: []string{app.Class(class), policy(namespace,
				"{interval: 2s, iterations: 3, mirror: true, mirrorWeight: 10, stepMirrorWeight: 20, maxMirrorWeight: 40, preset: app, "+successRate+"}"),
				strings.ReplaceAll(shadowed, "$NAMESPACE", namespace)},
		})
		DeferCleanup(func(ctx SpecContext) { Expect(r.Remove(ctx, app.Class(class))).To(Succeed()) })
		Expect(r.Supports(ctx, class, "HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror")).To(Succeed())
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/policy=standard")
		r.waitUntil(ctx, "word of it before there is a candidate", func(s v1alpha1.CanaryStatus) bool {
			return strings.Contains(s.Message, "Gateway gateway-system/gateway does not support HTTPRouteRequestMirror, which mirror needs")
		})
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseWaiting)
		Expect(r.Deployment(ctx, "podinfo-canary")).To(BeNil())
		Expect(r.run.Stop().Versions()).To(Equal([]string{"v1"}))

		By("the gateway of the tests answers 500 to mirrored requests, so the objects are looked at, at a gateway without a controller")
		r.kubectl(ctx, "patch", "httproute", "podinfo", "--type=json", "-p", `[{"op":"replace","path":"/spec/parentRefs/0/name","value":"`+class+`"}]`)
		r.routes = r.userRoutes(ctx)
		r.accepts(ctx)
		shadow := traffic.Target{URL: app.GatewayURL, Host: "shadow." + r.Host()}
		var copies *traffic.Run
		for iteration, percent := range []int{10, 30, 40} {
			r.waitUntil(ctx, fmt.Sprintf("%d%%", percent), inEffect(int32(iteration)+1))
			Expect(r.mirrors(ctx)).To(Equal([]string{fmt.Sprintf("podinfo-canary:80 %d%%", percent)}))
			Expect(r.shares(ctx)[route]).To(Equal([]float64{0}))
			if copies == nil {
				By("the canary gets requests, in place of those that a mirror would send")
				waitForGateway(ctx, shadow)
				copies = visited(ctx, r.App, traffic.Options{Host: shadow.Host})
			}
		}
		r.waitUntil(ctx, "all requests", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight == 100 && observed.Checked(s) })
		Expect(r.mirrors(ctx)).To(BeEmpty(), "answers count now")
		Expect(r.shares(ctx)[route]).To(Equal([]float64{100}))
		r.waitFor(ctx, v1alpha1.PhasePromoting)
		Expect(copies.Stop().Versions()).To(Equal([]string{"v2"}))
		Expect(copies.Report().Failed().Answers).To(BeEmpty())
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
	})
})

// shadowed sends requests to the canary's Service itself.
const shadowed = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shadowed, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [shadow.$NAMESPACE.example.com]
  rules: [{backendRefs: [{name: podinfo-canary, port: 80}]}]
`

// accepts reports, in place of a controller, that every generation of the route is served.
func (r *rollout) accepts(ctx context.Context) {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	DeferCleanup(cancel)
	go func() {
		_ = wait.PollUntilContextCancel(background, glance, true, func(ctx context.Context) (bool, error) {
			if route, err := r.Route(ctx); err == nil && route != nil && lags(route) {
				_ = r.Accept(ctx, route, "example.com/shadow")
			}
			return false, nil
		})
	}()
}

// mirrors returns the mirrors of all rules, as service:port and percent.
func (r *rollout) mirrors(ctx context.Context) []string {
	GinkgoHelper()
	route, err := r.Route(ctx)
	Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, rule := range route.Spec.Rules {
		for _, f := range rule.Filters {
			if f.Type == gatewayv1.HTTPRouteFilterRequestMirror {
				found = append(found, fmt.Sprintf("%s:%d %d%%", f.RequestMirror.BackendRef.Name, *f.RequestMirror.BackendRef.Port, *f.RequestMirror.Percent))
			}
		}
	}
	return found
}
