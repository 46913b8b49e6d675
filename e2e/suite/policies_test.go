package suite

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

// pasted is a policy with the service and the analysis of a Canary that was written for Flagger, but quicker and for the
// metrics of the sample application, and the two MetricTemplates that it names. The primary stands in for the load tester.
const pasted = `apiVersion: sluice.dev/v1alpha1
kind: MetricTemplate
metadata: {name: latency, namespace: $NAMESPACE}
spec:
  provider: {type: prometheus, address: "http://prometheus.monitoring:9090"}
  query: |
    histogram_quantile(0.99, sum(rate(
      http_request_duration_seconds_bucket{namespace=~"{{ namespace }}", pod=~"{{ target }}-.*"}[{{ interval }}]
    )) by (le))
---
apiVersion: sluice.dev/v1alpha1
kind: MetricTemplate
metadata: {name: error-rate, namespace: $NAMESPACE}
spec:
  provider: {type: prometheus, address: "http://prometheus.monitoring:9090"}
  query: |
    100 - sum(rate(http_requests_total{namespace=~"{{ namespace }}", pod=~"{{ target }}-.*", code!~"5.*"}[{{ interval }}]))
      / sum(rate(http_requests_total{namespace=~"{{ namespace }}", pod=~"{{ target }}-.*"}[{{ interval }}])) * 100
---
apiVersion: sluice.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: podinfo, namespace: $NAMESPACE}
spec:
  progressDeadlineSeconds: 60
  service:
    port: 80
    targetPort: 8080
    hosts:
      - $NAMESPACE.example.com
    gatewayRefs:
      - name: gateway
        namespace: gateway-system
    headers:
      request:
        add: {x-shop: from-the-policy}
      response:
        add: {x-served: podinfo}
  analysis:
    guard: {enabled: false}
    interval: 2s
    threshold: 5
    maxWeight: 50
    stepWeight: 10
    metrics:
    - name: error-rate
      templateRef:
        name: error-rate
        namespace: $NAMESPACE
      thresholdRange:
        max: 1
      interval: 1m
    - name: latency
      templateRef:
        name: latency
        namespace: $NAMESPACE
      thresholdRange:
        max: 5
      interval: 30s
    webhooks:
      - name: smoke-test
        type: pre-rollout
        url: http://podinfo.$NAMESPACE/
        timeout: 15s
        metadata:
          type: bash
          cmd: "curl -sd 'anon' http://podinfo-canary.$NAMESPACE/token | grep token"
      - name: load-test
        url: http://podinfo.$NAMESPACE/
        timeout: 5s
        metadata:
          cmd: "hey -z 2m -q 10 -c 2 -host $NAMESPACE.example.com http://gateway.gateway-system/"
`

// policy returns a CanaryPolicy called standard with this analysis, as YAML on one line, and the rest of its spec. Its thresholds judge
// alone, so that its steps last as long as they say.
func policy(namespace, analysis string, more ...string) string {
	return guardedPolicy(namespace, strings.Replace(analysis, "{", "{guard: {enabled: false}, ", 1), more...)
}

// guardedPolicy returns such a policy, by which the guard judges.
func guardedPolicy(namespace, analysis string, more ...string) string {
	analysis = strings.Join(strings.Fields(analysis), " ")
	return fmt.Sprintf("{apiVersion: sluice.dev/v1alpha1, kind: CanaryPolicy, metadata: {name: standard, namespace: %s}, spec: {%s}}",
		namespace, strings.Join(append([]string{"analysis: " + analysis}, more...), ", "))
}

// successRate is a check that a busy machine does not fail.
const successRate = "metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]"

// byPolicy opts in with only that policy.
var byPolicy = map[string]string{"sluice.dev/canary": "true", "sluice.dev/policy": "standard"}

var _ = Describe("A policy with the body of a Flagger Canary", func() {
	It("makes Service and route, promotes step by step, and rolls back what fails by the policy of that time", func(ctx SpecContext) {
		const namespace = "pasted"
		r := begin(ctx, namespace, scene{
			Options:   app.Options{Replicas: 2, NoService: true, Annotations: map[string]string{"sluice.dev/canary": "true", "sluice.dev/policy": "podinfo"}},
			manifests: []string{strings.ReplaceAll(pasted, "$NAMESPACE", namespace)},
			requests:  traffic.Options{Body: true, Keep: []string{"X-Served"}},
		})
		answer := r.run.Report().Of("v1").Answers[0]
		Expect(answer.Header.Get("X-Served")).To(Equal("podinfo"))
		Expect(answer.Saw("X-Shop")).To(Equal("from-the-policy"))
		r.setVersion(ctx, "v2")
		s := r.waitUntil(ctx, "step 1", moments[1].holds)
		Expect(s.Policy.Name).To(Equal("CanaryPolicy/podinfo"))
		Expect(s.Policy.Sources).To(ContainElements(
			v1alpha1.PolicySource{Field: "analysis.stepWeight", From: "CanaryPolicy/podinfo"},
			v1alpha1.PolicySource{Field: "analysis.minRequests", From: "built-in"}))

		By("somebody changes the generated route, which is brought back with its split")
		r.kubectl(ctx, "patch", "httproute", "podinfo", "--type=json", "-p", `[{"op":"remove","path":"/spec/rules/0/filters"}]`)
		Eventually(ctx, func() string {
			return r.kubectl(ctx, "get", "httproute", "podinfo", "-o", "jsonpath={.spec.rules[0].filters[*].type}")
		}, patience(), glance).Should(Equal("RequestHeaderModifier ResponseHeaderModifier"))
		Expect(r.shares(ctx)["HTTPRoute/pasted/podinfo"][0]).To(BeNumerically(">=", 10))

		By("the policy changes in flight, which is for the next rollout")
		r.kubectl(ctx, "patch", "canarypolicy", "podinfo", "--type=merge", "-p", `{"spec":{"analysis":{"threshold":2}}}`)
		s = r.waitUntil(ctx, "word of the change", func(s v1alpha1.CanaryStatus) bool { return s.Policy.Changed != "" })
		Expect(s.Policy.Changed).To(Equal("CanaryPolicy/podinfo has changed since this rollout started (analysis.threshold); the next rollout uses it"))
		Expect(s.Plan.FailureThreshold).To(Equal(int32(5)))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		Expect(r.messages(ctx, "WeightAdvanced")).To(Equal([]string{
			"Canary weight 10% is in effect, step 1 of 5", "Canary weight 20% is in effect, step 2 of 5", "Canary weight 30% is in effect, step 3 of 5",
			"Canary weight 40% is in effect, step 4 of 5", "Canary weight 50% is in effect, step 5 of 5"}))
		r.expectNoFailures(ctx, "nobody")

		r.setVersion(ctx, "v3", "ERROR_RATE=0.5")
		s = r.waitFor(ctx, v1alpha1.PhaseFailed)
		Expect(s.FailedChecks).To(Equal(int32(2)), "by the changed policy")
		Expect(s.Candidate.Reason).To(MatchRegexp(`2 failed checks: error-rate \d+(\.\d+)? is above max 1`))
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "v3")
		By("kubectl get shows what kubectl shows of Flagger")
		Expect(r.kubectl(ctx, "get", "canaries")).To(MatchRegexp(`podinfo +Failed +0 +`))
	})

	It("says what has no effect beside a route of the user's own, and rolls out all the same", func(ctx SpecContext) {
		const namespace = "beside"
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 2, Annotations: byPolicy},
			manifests: []string{policy(namespace, "{interval: 2s, stepWeight: 25, maxWeight: 50, "+successRate+"}",
				`service: {timeout: 15s, retries: {attempts: 3, retryOn: "gateway-error,connect-failure"}, headless: true}`)},
		})
		says := func() string {
			return r.kubectl(ctx, "get", "canary", "podinfo", "-o", `jsonpath={.status.conditions[?(@.type=="PolicyFollowed")].message}`)
		}
		Eventually(ctx, says, patience(), glance).Should(And(
			ContainSubstring("no effect of timeout and retries: HTTPRoute podinfo is yours"), ContainSubstring("no effect of headless: Service podinfo is yours")))
		before := r.kubectl(ctx, "get", "httproute", "podinfo", "-o", "jsonpath={.spec.rules}")
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
		Expect(r.kubectl(ctx, "get", "httproute", "podinfo", "-o", "jsonpath={.spec.rules}")).To(Equal(before))
	})

	It("is refused where it cannot be used, by the names of its fields", func(ctx SpecContext) {
		a := placed(ctx, "refused")
		Expect(a.Apply(ctx, "apiVersion: v1\nkind: Namespace\nmetadata: {name: refused}")).To(Succeed())
		for line, message := range map[string]string{
			"{service: {port: 80, meshName: m}}":                               "meshName and backends: only for App Mesh; remove them",
			"{service: {port: 80, gateways: [mesh]}}":                          "gateways: only for Istio's VirtualService; use gatewayRefs",
			"{analysis: {stepWeight: 10, stepWeights: [1, 5]}}":                "only one of stepWeight, stepWeights and steps can be set",
			"{analysis: {stepWeights: [5, 1]}}":                                "must rise from one weight to the next",
			"{analysis: {match: [{headers: {x: {regex: a, exact: b}}}]}}":      "must have exactly one of exact, prefix, suffix and regex",
			"{analysis: {interval: 0s}}":                                       "must be a duration of at least 1s, such as 30s or 1m30s",
			"{analysis: {metrics: [{name: a, templateRef: {name: \"\"}}]}}":    "name",
			"{analysis: {sessionAffinity: {cookieName: a, maxAge: 99999999}}}": "maxAge",
		} {
			manifest := fmt.Sprintf("{apiVersion: sluice.dev/v1alpha1, kind: CanaryPolicy, metadata: {name: wrong, namespace: refused}, spec: %s}", line)
			Expect(a.Apply(ctx, manifest)).To(MatchError(ContainSubstring(message)), line)
		}
	})
})
