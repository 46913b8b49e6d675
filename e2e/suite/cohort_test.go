package suite

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

var _ = Describe("A cohort", func() {
	It("keeps the requests that the canary got at the canary of the Service behind it, and at the named Service behind that", func(ctx SpecContext) {
		const namespace = "cohort"
		host, stock := secondary+"."+namespace+".example.com", "stock."+namespace+".example.com"
		r := begin(ctx, namespace, scene{
			Options: app.Options{Replicas: 2, Env: []string{"UPSTREAM=" + app.InnerGatewayURL, "UPSTREAM_HOST=" + host},
				Annotations: with(map[string]string{"sluice.dev/step-weight": "25", "sluice.dev/max-weight": "50", "sluice.dev/cohort": secondary + ",stock=stock-next"})},
			manifests: []string{
				app.Manifest(namespace, app.Options{Name: secondary, Replicas: 1, Env: []string{"UPSTREAM=" + app.InnerGatewayURL, "UPSTREAM_HOST=" + stock},
					Annotations: map[string]string{"sluice.dev/canary": "true", "sluice.dev/guard": "false", "sluice.dev/match": "x-tester=yes", "sluice.dev/iterations": "500",
						"sluice.dev/max-request-duration": "5s"}}),
				app.Manifest(namespace, app.Options{Name: "stock", Replicas: 1}),
				strings.Replace(app.Manifest(namespace, app.Options{Name: "stock-next", Replicas: 1, NoRoute: true}), `"v1"`, `"v2"`, 1),
			},
			requests: traffic.Options{Body: true, Also: []traffic.Target{
				{URL: app.GatewayURL, Host: host},
				{URL: app.GatewayURL + "?marked", Host: host, Header: map[string][]string{"X-Sluice-Canary": {app.Name}}},
				{URL: app.GatewayURL, Host: stock},
			}, Rate: 2 * rate},
		})
		behind := r.another(secondary)
		By("v2 of the Service behind is tested by nobody but who is sent there")
		r.kubectl(ctx, "set", "env", "deployment/"+secondary, "VERSION=v2")
		behind.waitUntil(ctx, "an iteration", moments[1].holds)
		Expect(r.run.Report().Versions()).To(Equal([]string{"v1"}))

		r.setVersion(ctx, "v2")
		first := r.waitUntil(ctx, "step 1", moments[1].holds)
		last := r.waitUntil(ctx, "step 2", inEffect(2))
		promoting := r.waitFor(ctx, v1alpha1.PhasePromoting)
		during := r.run.Report().Between(first.Open().Step.InEffect.Time, promoting.LastTransitionTime.Add(-time.Second))
		atMain := func(a traffic.Answer) bool { return a.Host == r.Host() }
		main := during.Where(atMain)
		Expect(slices.Sorted(maps.Keys(main.Chains()))).To(Equal([]string{"v1 > v1 > v1", "v2 > v2 > v2"}))
		expectShareOf(lateIn(r.run.Report().Where(atMain), last.Open().Step.InEffect, 3*time.Second), 50)
		for _, a := range main.Answers {
			wanted := map[string]string{"v1": "", "v2": app.Name}[a.Version]
			Expect(a.Saw("x-sluice-canary")).To(Equal(wanted), "the mark is on the canary's requests only")
			Expect(a.Body.Upstream.Headers["x-sluice-canary"]).To(Equal(wanted))
			Expect(a.Body.Upstream.Upstream.Headers["x-sluice-canary"]).To(Equal(wanted))
		}
		marked := during.Where(func(a traffic.Answer) bool { return strings.HasSuffix(a.URL, "?marked") })
		Expect(slices.Collect(maps.Keys(marked.Chains()))).To(Equal([]string{"v2 > v2"}), "marked at the ingress")
		for _, unmarked := range []string{host, stock} {
			Expect(during.Where(func(a traffic.Answer) bool { return a.Host == unmarked && a.URL == app.GatewayURL }).Versions()).To(Equal([]string{"v1"}))
		}

		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		route, err := behind.Route(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(route.Annotations).NotTo(HaveKey("sluice.dev/cohorts"))
		behind.promoteNow(ctx)
		behind.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "nobody")
	})
})

// promoteNow requests to promote the candidate in flight without further checks.
func (r *rollout) promoteNow(ctx context.Context) {
	GinkgoHelper()
	canary, err := r.Canary(ctx)
	Expect(err).NotTo(HaveOccurred())
	r.kubectl(ctx, "patch", "canary", canary.Name, "--type=merge", "-p", `{"spec":{"promote":{"candidate":"`+canary.Status.Candidate.Hash+`","skipAnalysis":true}}}`)
}
