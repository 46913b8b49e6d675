package suite

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
	"sluice.dev/sluice/internal/route"
)

// sharedRoute sends a path to the second application, and everything else to the first.
const sharedRoute = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shared, namespace: $NAMESPACE}
spec:
  parentRefs: [{name: gateway, namespace: gateway-system}]
  hostnames: [shared.$NAMESPACE.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /other}}]
      backendRefs: [{name: secondary, port: 80}]
    - matches: [{path: {type: PathPrefix, value: /}}]
      backendRefs: [{name: podinfo, port: 80}]
`

// splitsOn returns the Deployments for which the shared route is split.
func (r *rollout) splitsOn(ctx context.Context) []string {
	GinkgoHelper()
	stored, err := r.Named("shared").Route(ctx)
	Expect(err).NotTo(HaveOccurred())
	splits, err := route.SplitsOf(stored.Annotations)
	Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, split := range splits {
		names = append(names, split.Deployment)
	}
	return names
}

var _ = Describe("Two Deployments behind one route", func() {
	for _, c := range []struct{ text, namespace, group string }{
		{"roll out at the same time, each longer than the deadline", "behind-one", ""},
		{"step together as a group", "behind-one-grouped", "shop"},
	} {
		It(c.text, func(ctx SpecContext) {
			namespace := c.namespace
			settings := with(map[string]string{"sluice.dev/progress-deadline": "20s", "sluice.dev/interval": "8s"})
			if c.group != "" {
				settings["sluice.dev/group"] = c.group
			}
			host := "shared." + namespace + ".example.com"
			r := begin(ctx, namespace, scene{
				Options: app.Options{Replicas: 1, Annotations: settings},
				manifests: []string{app.Manifest(namespace, app.Options{Name: secondary, Replicas: 1, Annotations: settings, NoRoute: true}),
					strings.ReplaceAll(sharedRoute, "$NAMESPACE", namespace)},
				requests: traffic.Options{Rate: rate, Also: []traffic.Target{{URL: app.GatewayURL, Host: host}, {URL: app.GatewayURL + "other", Host: host}}},
			})
			other := r.another(secondary)
			other.waitFor(ctx, v1alpha1.PhaseInitialized)
			r.kubectl(ctx, "set", "env", "deployment/"+secondary, "VERSION=v2")
			r.setVersion(ctx, "v2")
			Eventually(ctx, func() []string { return r.splitsOn(ctx) }, patience(), glance).Should(Equal([]string{"podinfo", secondary}))
			for _, one := range []*rollout{r, other} {
				one.waitFor(ctx, v1alpha1.PhaseSucceeded)
			}
			Expect(r.splitsOn(ctx)).To(BeEmpty())
			r.expectClean(ctx, "v2")
			r.expectNoFailures(ctx, "nobody")
		})
	}
})

var _ = Describe("A group whose members do not fit on one route", func() {
	It("says so before there is a candidate, and waits without a deadline until the rule is divided", func(ctx SpecContext) {
		const namespace, deadline = "misfits", 10 * time.Second
		settings := with(map[string]string{"sluice.dev/progress-deadline": deadline.String(), "sluice.dev/match": "x-tester=yes"})
		divided := strings.ReplaceAll(sharedRoute, "$NAMESPACE", namespace)
		r := begin(ctx, namespace, scene{
			Options:   app.Options{Replicas: 1, Annotations: settings},
			manifests: []string{app.Manifest(namespace, app.Options{Name: secondary, Replicas: 1, Annotations: with(nil), NoRoute: true}), divided},
			requests:  traffic.Options{Rate: rate, Also: []traffic.Target{{URL: app.GatewayURL + "other", Host: "shared." + namespace + ".example.com"}}},
		})
		other := r.another(secondary)
		other.waitFor(ctx, v1alpha1.PhaseInitialized)
		members := []*rollout{r, other}
		r.kubectl(ctx, "patch", "httproute", "shared", "--type=json", "-p", `[{"op": "add", "path": "/spec/rules/0/backendRefs/-", "value": {"name": "podinfo", "port": 80}}]`)
		apart := func(s v1alpha1.CanaryStatus) bool {
			return s.Blocked != nil && s.Blocked.Kind == v1alpha1.BlockedGroup &&
				strings.HasPrefix(s.Message, "Deployments podinfo and secondary of group shop do not fit on HTTPRoute shared together")
		}
		r.kubectl(ctx, "annotate", "deployment", "podinfo", secondary, "sluice.dev/group=shop")
		for _, one := range members {
			one.waitUntil(ctx, "word of it at rest", apart)
		}
		r.kubectl(ctx, "set", "env", "deployment/"+secondary, "VERSION=v2")
		r.setVersion(ctx, "v2")
		for _, one := range members {
			one.waitFor(ctx, v1alpha1.PhaseWaiting)
		}
		Consistently(ctx, func() bool { return apart(r.status(ctx)) && apart(other.status(ctx)) }, 2*deadline, glance).Should(BeTrue())

		r.kubectl(ctx, "patch", "httproute", "shared", "--type=json", "-p", `[{"op": "remove", "path": "/spec/rules/0/backendRefs/1"}]`)
		r.routes = r.userRoutes(ctx)
		for _, one := range members {
			one.waitFor(ctx, v1alpha1.PhaseSucceeded)
		}
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("Reports that former gateways have left", func() {
	It("neither hold a rollout nor end one", func(ctx SpecContext) {
		r := given(ctx, "leftovers", with(nil), "RollingUpdate")
		const left = `{"controllerName": "example.net/former", "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", ` +
			`"namespace": "gateway-system", "name": "gateway"$SECTION}, "conditions": [$CONDITION(Accepted), $CONDITION(ResolvedRefs)]}`
		condition := func(kind string) string {
			return `{"type": "` + kind + `", "status": "True", "reason": "` + kind + `", "message": "", "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}`
		}
		for _, section := range []string{"", `, "sectionName": "https"`} {
			entry := strings.NewReplacer("$SECTION", section, "$CONDITION(Accepted)", condition("Accepted"), "$CONDITION(ResolvedRefs)", condition("ResolvedRefs")).Replace(left)
			r.kubectl(ctx, "patch", "httproute", "podinfo", "--subresource=status", "--type=json", "-p",
				`[{"op": "add", "path": "/status/parents/-", "value": `+entry+`}]`)
		}
		r.setVersion(ctx, "v2")
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("A Service that changes with the template", func() {
	It("has the canary answer all requests, and says so", func(ctx SpecContext) {
		r := given(ctx, "unserved", with(map[string]string{"sluice.dev/interval": "4s"}), "RollingUpdate")
		r.kubectl(ctx, "patch", "service", "podinfo", "-p", `{"spec": {"ports": [{"port": 80, "targetPort": "web"}]}}`)
		r.kubectl(ctx, "patch", "deployment", "podinfo", "-p", `{"spec": {"template": {"spec": {"containers": [{"name": "podinfo",
			"env": [{"name": "VERSION", "value": "v2"}], "ports": [{"containerPort": 8080, "name": "web"}], "readinessProbe": {"httpGet": {"path": "/healthz", "port": "web"}}}]}}}}`)
		r.expectEvents(ctx, "PrimaryUnserved")
		Expect(r.messages(ctx, "PrimaryUnserved")[0]).To(ContainSubstring("port 80 of Service podinfo goes to container port web"))
		By("the canary gets all requests before the promotion")
		s := r.waitUntil(ctx, "weight 100", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight == 100 && s.Open().Step.InEffect != nil })
		r.waitForAnswer(ctx, s.Open().Step.InEffect.Add(3*time.Second))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(lateIn(r.run.Report(), s.Open().Step.InEffect, 3*time.Second).Failed().Answers).To(BeEmpty(), "from then on every request is answered")
		r.expectClean(ctx, "v2")
	})
})

var _ = Describe("Weights that are set by hand", func() {
	It("are answered with what works instead", func(ctx SpecContext) {
		r := given(ctx, "by-hand", with(map[string]string{"sluice.dev/step-weight": "30", "sluice.dev/max-weight": "30", "sluice.dev/interval": "30s"}), "RollingUpdate")
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "30%", func(s v1alpha1.CanaryStatus) bool { return s.CanaryWeight == 30 && s.Open().Step.InEffect != nil })
		out := r.kubectl(ctx, "patch", "httproute", "podinfo", "--type=json", "-p",
			`[{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 100}, {"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 0}]`)
		Expect(out).To(ContainSubstring("30% still go to the canary; to take them all away: kubectl sluice abort podinfo -n by-hand"))
		Expect(r.shares(ctx)["HTTPRoute/by-hand/podinfo"]).To(Equal([]float64{30}))
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/abort=true")
		r.waitFor(ctx, v1alpha1.PhaseFailed)
		r.expectClean(ctx, "v1")
	})
})
