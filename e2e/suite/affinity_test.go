package suite

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

var _ = Describe("Session affinity", func() {
	It("keeps every user at a version, either one, and takes the cookies back in the end", func(ctx SpecContext) {
		const users = 24
		r := begin(ctx, "affinity", scene{
			Options: app.Options{Replicas: 2, Annotations: byPolicy},
			manifests: []string{policy("affinity", `{interval: 4s, stepWeights: [20, 50], threshold: 2,
				`+successRate+`,
				sessionAffinity: {cookieName: version, primaryCookieName: old-version, maxAge: 600, expireFor: 4s, path: /, httpOnly: true, sameSite: Lax}}`)},
			requests: traffic.Options{Rate: 3 * rate / 2, Users: users, Body: true, Keep: []string{"Set-Cookie"}},
		})
		Expect(r.cookies(users)).To(BeEmpty(), "no cookies without a rollout")

		r.setVersion(ctx, "v2")
		first := r.waitUntil(ctx, "step 1", moments[1].holds)
		second := r.waitUntil(ctx, "step 2", inEffect(2))
		Expect(r.cookies(users)).To(HaveLen(users), "every user has a cookie of one version: %v", r.cookies(users))
		promoting := r.waitFor(ctx, v1alpha1.PhasePromoting)
		steps := r.run.Report().Between(first.Open().Step.InEffect.Time, promoting.LastTransitionTime.Add(-time.Second)).Where(hadCookie)
		Expect(steps.Versions()).To(Equal([]string{"v1", "v2"}))
		Expect(steps.Strayed("v1").Answers).To(BeEmpty(), "users of the primary stay when the weight grows from 20%% to 50%%")
		Expect(asSent(steps)).To(Equal(map[string]bool{"version v2": true, "old-version v1": true}), "the cookie says who answers")
		Expect(steps.Between(second.Open().Step.InEffect.Time, time.Time{}).Total()).To(BeNumerically(">", users))
		r.waitFor(ctx, v1alpha1.PhaseSucceeded)
		r.expectClean(ctx, "v2")
		for _, user := range steps.Of("v2").Users() {
			Expect(r.run.Report().By(user).Strayed("v2").Answers).To(BeEmpty(), "who was at v2 in a step has stayed, also through the promotion")
		}
		Expect(r.cookies(users)).To(BeEmpty(), "every cookie is taken back")
		cookie := r.run.Report().Of("v2").Answers[0].Header.Get("Set-Cookie")
		Expect(cookie).To(MatchRegexp(`^version=[0-9a-f]+-\S+; Max-Age=600; Path=/; SameSite=Lax; HttpOnly$`))
		r.expectNoFailures(ctx, "nobody")

		By("a rollback brings the users of v3 back to v2")
		r.setVersion(ctx, "v3")
		r.waitUntil(ctx, "step 1", func(s v1alpha1.CanaryStatus) bool { return s.Phase == v1alpha1.PhaseProgressing && moments[1].holds(s) })
		r.waitForTraffic(ctx, "v3")
		r.kubectl(ctx, "annotate", "deployment", "podinfo", "sluice.dev/abort=true")
		failed := r.waitFor(ctx, v1alpha1.PhaseFailed)
		r.expectClean(ctx, "v2")
		Expect(r.run.Report().Between(failed.LastTransitionTime.Time, time.Time{}).Of("v3").Answers).To(BeEmpty())
		Expect(r.cookies(users)).To(BeEmpty())
		r.expectNoFailures(ctx, "nobody")
	})
})

// cookies returns the names of the cookies that users would send, by user.
func (r *rollout) cookies(users int) map[int]string {
	all := map[int]string{}
	for user := 1; user <= users; user++ {
		for _, c := range r.run.Cookies(user, "http://"+r.Host()+"/") {
			all[user] += c.Name
		}
	}
	return all
}

// hadCookie keeps the requests of users who have reached a version before.
func hadCookie(a traffic.Answer) bool { return a.Body != nil && len(a.Body.Cookies) == 1 }

// asSent returns which versions answered requests with which cookie.
func asSent(report traffic.Report) map[string]bool {
	all := map[string]bool{}
	for _, a := range report.Answers {
		for name := range a.Body.Cookies {
			all[name+" "+a.Version] = true
		}
	}
	return all
}
