package suite

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

// asking returns a target of the application by whose answers it can be recognized: its query is the name.
func (s *scene) asking(namespace, name string, header http.Header) {
	s.requests.Also = append(s.requests.Also, traffic.Target{URL: app.GatewayURL + "?" + name, Host: namespace + ".example.com", Header: header})
}

// asked keeps the answers to a target of asking. The empty name keeps those of all others.
func asked(report traffic.Report, name string) traffic.Report {
	return report.Where(func(a traffic.Answer) bool {
		return strings.TrimPrefix(strings.TrimPrefix(a.URL, app.GatewayURL), "?") == name
	})
}

var _ = Describe("A/B testing", func() {
	It("sends every matching request to the canary and every other one to the primary, then follows with weights", func(ctx SpecContext) {
		const namespace = "abtest"
		s := scene{
			Options: app.Options{Replicas: 2, Annotations: byPolicy},
			manifests: []string{policy(namespace, `{interval: 3s, iterations: 2, threshold: 2, stepWeights: [30], match: [
				{headers: {user-agent: {regex: ".*Firefox.*"}}},
				{headers: {cookie: {regex: "^(.*?;)?(type=insider)(;.*)?$"}}},
				{cookies: {ring: {exact: early}}},
				{queryParams: {canary: {exact: always}}}],
				`+successRate+"}")},
			requests: traffic.Options{Rate: 2 * rate},
		}
		matching := map[string]http.Header{
			"firefox":       {"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"}},
			"insider":       {"Cookie": {"type=insider"}},
			"early":         {"Cookie": {"a=b; ring=early; c=d"}},
			"canary=always": nil,
		}
		others := map[string]http.Header{
			"chrome":       {"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0"}},
			"outsider":     {"Cookie": {"type=outsider; string=early"}},
			"canary=never": nil,
		}
		for _, headers := range []map[string]http.Header{matching, others} {
			for name, header := range headers {
				s.asking(namespace, name, header)
			}
		}
		r := begin(ctx, namespace, s)
		r.setVersion(ctx, "v2")
		first := r.waitUntil(ctx, "the first iteration", moments[1].holds)
		Expect(first.Plan.Strategy).To(Equal("a/b, then canary"))
		second := r.waitUntil(ctx, "the second iteration", inEffect(2))
		weighted := r.waitUntil(ctx, "the weight", moments[2].holds)
		Expect(weighted.CanaryWeight).To(BeEquivalentTo(30))
		r.waitFor(ctx, v1alpha1.PhasePromoting)

		tested := r.run.Report().Between(first.Open().Step.InEffect.Time, second.Open().Step.InEffect.Time)
		for name := range matching {
			answers := asked(r.run.Report(), name)
			came := answers.FirstSeen("v2")
			Expect(came).To(BeTemporally("<", weighted.Open().Step.InEffect.Time), name)
			Expect(answers.Between(came, time.Time{}).Versions()).To(Equal([]string{"v2"}), name+", also beside the weight")
		}
		for name := range others {
			Expect(asked(tested, name).Versions()).To(Equal([]string{"v1"}), name)
		}
		Expect(asked(tested, "").Versions()).To(Equal([]string{"v1"}))
		expectShareOf(lateIn(r.run.Report(), weighted.Open().Step.InEffect, 3*time.Second).Where(func(a traffic.Answer) bool {
			_, matches := matching[strings.TrimPrefix(a.URL, app.GatewayURL+"?")]
			return !matches
		}), 30)
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		r.expectEvents(ctx, "IterationStarted", "WeightAdvanced", "Promoted")
		r.expectNoFailures(ctx, "nobody")
	})
})

var _ = Describe("Blue/green", func() {
	It("tests without requests, sends all of them at once, holds them, and rolls back while it holds", func(ctx SpecContext) {
		r := begin(ctx, "bluegreen", scene{
			Options: app.Options{Replicas: 2, Annotations: byPolicy},
			manifests: []string{policy("bluegreen", `{interval: 2s, iterations: 2, hold: 4s, threshold: 1,
				`+successRate+`,
				webhooks: [{name: smoke, type: pre-rollout, url: "http://podinfo-canary.bluegreen/status/200", retries: 9}]}`)},
		})
		r.setVersion(ctx, "v2")
		r.waitUntil(ctx, "the first iteration", moments[1].holds)
		s := r.waitUntil(ctx, "all requests held", inEffect(3))
		Expect(s.Plan.Strategy).To(Equal("blue/green"))
		Expect(s.CanaryWeight).To(BeEquivalentTo(100))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Expect(r.run.Report().FirstSeen("v2")).To(BeTemporally(">", s.Open().Step.InEffect.Add(-2*time.Second)), "no request before all requests")
		Expect(lateIn(r.run.Report(), s.Open().Step.InEffect, 4*time.Second).Versions()).To(Equal([]string{"v2"}))
		r.expectClean(ctx, "v2")
		r.expectEvents(ctx, "IterationStarted", "HoldStarted", "Promoted")
		r.expectNoFailures(ctx, "nobody")

		r.setVersion(ctx, "v3", "ERROR_RATE=0.5")
		s = r.waitFor(ctx, v1alpha1.PhaseFailed)
		// Prometheus counts from the second sample of a counter. If it had seen a failure before the first success, all of the first
		// requests have failed.
		Expect(s.Candidate.Reason).To(MatchRegexp(`request-success-rate \d{1,2}\.\d\d% is below min 99%`))
		Expect(r.messages(ctx, "HoldStarted")).To(HaveLen(2), "it passed its iterations, without requests")
		r.expectClean(ctx, "v2")
		r.expectNoFailures(ctx, "v3")
	})
})
