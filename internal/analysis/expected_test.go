package analysis

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestWithoutRequests(t *testing.T) {
	for name, c := range map[string]struct {
		requests, rate Sample
		want           v1alpha1.Verdict
	}{
		"no requests do not hold":              {Sample{Missing: true}, Sample{Missing: true}, v1alpha1.VerdictPass},
		"a few requests do not hold":           {Sample{Value: 3}, Sample{Value: 0}, v1alpha1.VerdictPass},
		"enough requests are judged":           {Sample{Value: 100}, Sample{Value: 50}, v1alpha1.VerdictFail},
		"a count without an answer holds":      {Sample{Err: "refused"}, Sample{Value: 100}, v1alpha1.VerdictInconclusive},
		"a rate without an answer holds":       {Sample{Missing: true}, Sample{Err: "refused"}, v1alpha1.VerdictInconclusive},
		"requests without a success rate hold": {Sample{Value: 100}, Sample{Missing: true}, v1alpha1.VerdictInconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			policy := byChecks()
			policy.Checks = []v1alpha1.Metric{{Name: v1alpha1.MetricSuccessRate}}
			c.requests.Check, c.requests.Metric = v1alpha1.MetricSuccessRate, RequestCount
			c.rate.Check, c.rate.Metric = v1alpha1.MetricSuccessRate, SuccessRate
			samples := []Sample{c.requests, c.rate}
			got := WithoutRequests(policy, Judge(policy, samples), samples)
			if VerdictOf(got) != c.want {
				t.Errorf("got %v: %s", VerdictOf(got), Explain(got))
			}
		})
	}
}
