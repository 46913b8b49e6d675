package analysis

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// own is a check with a query.
func own(change func(*v1alpha1.Metric)) v1alpha1.Metric {
	m := v1alpha1.Metric{Name: "own", Query: "own{{ target }}"}
	change(&m)
	return m
}

func compared(least, most *float64) v1alpha1.MetricJudgement {
	return v1alpha1.MetricJudgement{CompareTo: v1alpha1.ComparedToPrimary, RatioRange: &v1alpha1.ThresholdRange{Min: least, Max: most}}
}

func TestJudgeBesideARange(t *testing.T) {
	const pass, fail, inconclusive = v1alpha1.VerdictPass, v1alpha1.VerdictFail, v1alpha1.VerdictInconclusive
	ratio := own(func(m *v1alpha1.Metric) { m.MetricJudgement = compared(ptr.To(0.5), ptr.To(1.2)) })
	both := own(func(m *v1alpha1.Metric) {
		m.MetricJudgement, m.ThresholdRange = compared(nil, ptr.To(1.2)), within(nil, ptr.To(5.0))
	})
	meets := own(func(m *v1alpha1.Metric) {
		m.CompareTo, m.Condition = v1alpha1.ComparedToPrimary, "value <= 1.2 * primary + 5.0"
	})
	alone := own(func(m *v1alpha1.Metric) { m.Condition = "value < 3 || value > 7" })
	divides := own(func(m *v1alpha1.Metric) { m.Condition = "value < 3 && 1 / 0 == 1" })
	noData := func(word v1alpha1.NoData) v1alpha1.Metric {
		return own(func(m *v1alpha1.Metric) { m.NoData, m.ThresholdRange = word, within(nil, ptr.To(5.0)) })
	}
	values := func(value, primary float64) []Sample {
		return []Sample{{Check: "own", Metric: Custom, Value: value}, {Check: "own", Metric: PrimaryValue, Value: primary}}
	}
	unanswered := []Sample{{Check: "own", Metric: Custom, Err: "timeout", Provider: "Prometheus"}}
	for name, c := range map[string]struct {
		metric            v1alpha1.Metric
		samples           []Sample
		verdict, ofRound  v1alpha1.Verdict
		threshold, saying string
	}{
		"the greatest multiple passes":             {ratio, values(12, 10), pass, pass, "0.5 to 1.2 times the primary's", ""},
		"above the greatest multiple":              {ratio, values(12.1, 10), fail, fail, "", "12.1 is above 0.5 to 1.2 times the primary's, which is 10"},
		"the least multiple passes":                {ratio, values(5, 10), pass, pass, "", ""},
		"below the least multiple":                 {ratio, values(4.9, 10), fail, fail, "", "4.9 is below"},
		"nothing is a multiple of nothing":         {ratio, values(0, 0), pass, pass, "", ""},
		"something is no multiple of nothing":      {ratio, values(0.1, 0), fail, fail, "", "0.1 is above"},
		"no data of the primary":                   {ratio, values(1, 1)[:1], inconclusive, inconclusive, "", "the query of own returned no data for the primary"},
		"the range counts beside the multiple":     {both, values(6, 10), fail, fail, "max 5, max 1.2 times the primary's", "6 is above max 5"},
		"the multiple counts beside the range":     {both, values(4, 1), fail, fail, "", "which is 1"},
		"a condition with the primary":             {meets, values(17, 10), pass, pass, "value <= 1.2 * primary + 5.0", ""},
		"a condition with the primary, not met":    {meets, values(17.1, 10), fail, fail, "", "17.1 does not meet value <= 1.2 * primary + 5.0; the primary's value is 10"},
		"a condition alone":                        {alone, values(8, 0), pass, pass, "", ""},
		"a condition alone, not met":               {alone, values(5, 0), fail, fail, "", "5 does not meet value < 3 || value > 7"},
		"a condition without a result":             {divides, values(1, 0), inconclusive, inconclusive, "", "the condition cannot be evaluated"},
		"no data fails":                            {noData(v1alpha1.NoDataFails), nil, fail, fail, "max 5", "returned no data"},
		"no data is skipped":                       {noData(v1alpha1.NoDataSkips), nil, inconclusive, pass, "", "returned no data"},
		"no data is inconclusive":                  {noData(v1alpha1.NoDataInconclusive), nil, inconclusive, inconclusive, "", "returned no data"},
		"a silent server is not taken for no data": {noData(v1alpha1.NoDataFails), unanswered, inconclusive, inconclusive, "", "Prometheus could not answer: timeout"},
		"a silent server is not skipped":           {noData(v1alpha1.NoDataSkips), unanswered, inconclusive, inconclusive, "", "could not answer"},
	} {
		results := Judge(policyWith(c.metric), c.samples)
		got := results[0]
		if got.Verdict != c.verdict || VerdictOf(results) != c.ofRound || c.threshold != "" && got.Threshold != c.threshold || !strings.Contains(got.Message, c.saying) {
			t.Errorf("%s: %+v, and the round %s", name, got, VerdictOf(results))
		}
	}
}

// TestABuiltInCheckCompares needs enough requests of both.
func TestABuiltInCheckCompares(t *testing.T) {
	metric := v1alpha1.Metric{Name: v1alpha1.MetricDuration, MetricJudgement: compared(nil, ptr.To(2.0))}
	of := func(primaryRequests, primary float64) []Sample {
		return append(samples(100, 0, 900), Sample{Check: metric.Name, Metric: PrimaryCount, Value: primaryRequests}, Sample{Check: metric.Name, Metric: PrimaryValue, Value: primary},
			Sample{Check: metric.Name, Metric: PrimaryLower, Value: primary - 1}, Sample{Check: metric.Name, Metric: PrimaryUpper, Value: primary})
	}
	for name, c := range map[string]struct {
		samples []Sample
		verdict v1alpha1.Verdict
		says    string
	}{
		"as slow as the primary, which takes longer than the default limit": {of(100, 800), v1alpha1.VerdictPass, ""},
		"slower than the primary":     {of(100, 400), v1alpha1.VerdictFail, "900ms is above max 2 times the primary's, which is 400ms"},
		"few requests to the primary": {of(9, 100), v1alpha1.VerdictInconclusive, "9 requests to the primary were counted; at least 10 are needed"},
	} {
		if got := Judge(policyWith(metric), c.samples)[0]; got.Verdict != c.verdict || got.Message != c.says {
			t.Errorf("%s: %+v", name, got)
		}
	}
	queries, err := QueriesFor(ChecksOf(policyWith(metric))[0], config.PresetApp, Target{Namespace: "shop", Workload: "web-canary", Primary: "web"}, 60e9)
	var asked []Metric
	for _, query := range queries {
		asked = append(asked, query.Metric)
	}
	if err != nil || !slices.Equal(asked, []Metric{RequestCount, Duration, LowerBound, UpperBound, PrimaryCount, PrimaryValue, PrimaryLower, PrimaryUpper}) || !strings.Contains(queries[5].Expression, `pod=~"web-[0-9a-z]+`) {
		t.Errorf("%+v, %v", queries, err)
	}
}

// TestTheQueryForThePrimaryDiffers refuses a comparison of the canary to itself.
func TestTheQueryForThePrimaryDiffers(t *testing.T) {
	target := Target{Namespace: "shop", Workload: "web-canary", Primary: "web"}
	check := ChecksOf(policyWith(own(func(m *v1alpha1.Metric) { m.MetricJudgement = compared(nil, ptr.To(1.0)) })))[0]
	queries, err := QueriesFor(check, "", target, 60e9)
	if err != nil || len(queries) != 2 || queries[0].Expression != "ownweb-canary" || queries[1].Expression != "ownweb" || queries[1].Metric != PrimaryValue {
		t.Errorf("%+v, %v", queries, err)
	}
	check.Query = "{{ primary }}"
	if _, err := QueriesFor(check, "", target, 60e9); err == nil || !strings.Contains(err.Error(), "use {{ target }}") {
		t.Error(err)
	}
}

func TestFailuresAreCountedForEachCheck(t *testing.T) {
	limited := own(func(m *v1alpha1.Metric) {
		m.ThresholdRange, m.FailureLimit, m.ConsecutiveLimit = within(nil, ptr.To(5.0)), ptr.To[int32](4), ptr.To[int32](3)
	})
	policy := policyWith(limited, v1alpha1.Metric{Name: "plain", Query: "plain", ThresholdRange: within(nil, ptr.To(5.0))})
	var results []v1alpha1.CheckStatus
	for i, c := range []struct {
		own, plain     float64
		counts         bool
		exceeded, said string
	}{
		{6, 1, false, "", "failures of own: 1 of 4, 1 of 3 in a row"},
		{6, 6, true, "", "failures of own: 2 of 4, 2 of 3 in a row"},
		{1, 6, true, "", ""},
		{6, 1, false, "", "failures of own: 3 of 4, 1 of 3 in a row"},
		{6, 1, false, "check own failed 4 times, its failureLimit", "failures of own: 4 of 4, 2 of 3 in a row"},
		{6, 1, false, "check own failed 5 times, its failureLimit", "failures of own: 5 of 4, 3 of 3 in a row"},
	} {
		samples := []Sample{{Check: "own", Metric: Custom, Value: c.own}, {Check: "plain", Metric: Custom, Value: c.plain}}
		results = Tally(results, Judge(policy, samples), metav1.MicroTime{})
		if got := CountsForThreshold(policy, results); got != c.counts {
			t.Errorf("round %d counts for the threshold %v", i, got)
		}
		if got := Exceeded(policy, results); got != c.exceeded {
			t.Errorf("round %d: %q", i, got)
		}
		if got := strings.Join(OwnFailures(policy, results), "; "); got != c.said {
			t.Errorf("round %d: %q", i, got)
		}
	}
}

func TestACheckThatIsCriticalOrTried(t *testing.T) {
	metric := func(change func(*v1alpha1.Metric)) config.Policy {
		return policyWith(own(func(m *v1alpha1.Metric) { m.ThresholdRange = within(nil, ptr.To(5.0)); change(m) }))
	}
	bad := []Sample{{Check: "own", Metric: Custom, Value: 6}}
	critical := metric(func(m *v1alpha1.Metric) { m.Critical = ptr.To(true) })
	if got := Exceeded(critical, Tally(nil, Judge(critical, bad), metav1.MicroTime{})); got != "the critical check own failed" {
		t.Errorf("a critical check that fails: %q", got)
	}
	tried := metric(func(m *v1alpha1.Metric) { m.Critical, m.DryRun = ptr.To(true), ptr.To(true) })
	results := Tally(nil, Judge(tried, bad), metav1.MicroTime{})
	if got := results[0]; got.Verdict != v1alpha1.VerdictFail || got.Failures != 0 || !got.DryRun || VerdictOf(results) != v1alpha1.VerdictPass ||
		Exceeded(tried, results) != "" || CountsForThreshold(tried, results) || Explain(results) != "" {
		t.Errorf("a check that is only tried: %+v, %s, %q", got, VerdictOf(results), Explain(results))
	}
}

func TestACheckInARowSurvivesWhatIsInconclusive(t *testing.T) {
	before := []v1alpha1.CheckStatus{{Name: "own", Failures: 2, InARow: 2}}
	for verdict, want := range map[v1alpha1.Verdict][2]int32{v1alpha1.VerdictFail: {3, 3}, v1alpha1.VerdictInconclusive: {2, 2}, v1alpha1.VerdictPass: {2, 0}} {
		got := Tally(before, []v1alpha1.CheckStatus{{Name: "own", Verdict: verdict}}, metav1.MicroTime{})[0]
		if got.Failures != want[0] || got.InARow != want[1] {
			t.Errorf("%s: %+v", verdict, got)
		}
	}
}
