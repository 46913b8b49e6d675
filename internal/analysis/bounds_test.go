package analysis

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
)

// TestAPercentileIsJudgedByBounds has limits beside the bounds around the 99th percentile. The value in the middle is the one that is
// interpolated; it decides nothing.
func TestAPercentileIsJudgedByBounds(t *testing.T) {
	const pass, fail, inconclusive = v1alpha1.VerdictPass, v1alpha1.VerdictFail, v1alpha1.VerdictInconclusive
	most := func(max float64) v1alpha1.Metric {
		return v1alpha1.Metric{Name: v1alpha1.MetricDuration, ThresholdRange: within(nil, &max)}
	}
	least := v1alpha1.Metric{Name: v1alpha1.MetricDuration, ThresholdRange: within(ptr.To(500.0), nil)}
	compares := most(500)
	compares.MetricJudgement = compared(nil, ptr.To(2.0))
	ratio := v1alpha1.Metric{Name: v1alpha1.MetricDuration, MetricJudgement: compared(ptr.To(0.0), ptr.To(2.0))}
	condition := v1alpha1.Metric{Name: v1alpha1.MetricDuration, MetricJudgement: v1alpha1.MetricJudgement{Condition: "value <= 500.0"}}
	both := v1alpha1.Metric{Name: v1alpha1.MetricDuration, MetricJudgement: v1alpha1.MetricJudgement{CompareTo: v1alpha1.ComparedToPrimary, Condition: "value <= 2.0 * primary"}}
	for name, c := range map[string]struct {
		metric              v1alpha1.Metric
		lower, value, upper float64
		verdict, ofRound    v1alpha1.Verdict
		says                string
	}{
		"answers of 350 ms are measured as 1190 ms, and the limit is 500 ms": {most(500), 300, 1190, 1200, inconclusive, pass,
			"cannot tell whether the 99th percentile is within max 500ms: the bounds of the histogram are 300ms and 1.2s"},
		"answers of 350 ms are beyond the bound at the limit":           {most(300), 300, 1190, 1200, fail, fail, "1190ms is above max 300ms"},
		"answers of 350 ms are within the bound at the limit":           {most(1200), 300, 1190, 1200, pass, pass, ""},
		"answers of 350 ms are beyond a limit below their bounds":       {most(200), 300, 1190, 1200, fail, fail, "1190ms is above max 200ms"},
		"answers of 350 ms are within a limit above their bounds":       {most(2000), 300, 1190, 1200, pass, pass, ""},
		"a lower bound that is read with a fraction is that bound":      {most(300), 300.0000009, 1190, 1200, fail, fail, "1190ms is above max 300ms"},
		"an upper bound that is read with a fraction is that bound":     {most(1200), 300, 1190, 1200.0000000001, pass, pass, ""},
		"the first bucket begins at nothing":                            {most(50), 0, 99, 100, inconclusive, pass, "the smallest bound of the histogram is 100ms"},
		"beyond the largest bound, a smaller limit is broken":           {most(500), 5000, 5000, 5000, fail, fail, "5000ms is above max 500ms"},
		"beyond the largest bound, nobody knows of a larger limit":      {most(6000), 5000, 5000, 5000, inconclusive, pass, "the largest bound of the histogram is 5s"},
		"bounds of different moments are asked for again":               {most(500), 300.0000009, 1190, 300, inconclusive, inconclusive, "changed while they were read"},
		"a least duration is broken by the bound above":                 {least, 100, 250, 300, fail, fail, "250ms is below min 500ms"},
		"a least duration is kept by the bound below":                   {least, 500, 700, 1200, pass, pass, ""},
		"a least duration between the bounds":                           {least, 300, 700, 1200, inconclusive, pass, "cannot tell whether the 99th percentile is within min 500ms"},
		"where nobody can tell, the comparison with the primary passes": {compares, 300, 590, 600, pass, pass, ""},
		"where nobody can tell, the comparison with the primary fails":  {compares, 1200, 1210, 2400, fail, fail, "1210ms is above max 500ms"},
		"no multiple of the primary's bounds tells":                     {ratio, 600, 1100, 1200, inconclusive, pass, "cannot tell whether the 99th percentile is within 0 to 2 times the primary's: the bounds of the histogram are 600ms and 1.2s; of the primary's, the bounds of the histogram are 300ms and 600ms"},
		"a multiple of the primary's upper bound is below the canary's": {ratio, 1200, 1210, 2400, fail, fail, "1210ms is above 0 to 2 times the primary's, which is 500ms"},
		"a multiple of the primary's lower bound is above the canary's": {ratio, 300, 590, 600, pass, pass, ""},
		"a condition holds wherever the percentile is":                  {condition, 300, 310, 500, pass, pass, ""},
		"a condition fails wherever the percentile is":                  {condition, 500, 510, 1200, fail, fail, "510ms does not meet value <= 500.0"},
		"a condition fails beyond the largest bound":                    {condition, 1200, 1200, 1200, fail, fail, "1200ms does not meet value <= 500.0"},
		"a condition that depends on where it is":                       {condition, 300, 310, 1200, inconclusive, pass, "cannot tell whether the 99th percentile is within value <= 500.0: the bounds of the histogram are 300ms and 1.2s"},
		"a condition about both holds":                                  {both, 300, 590, 600, pass, pass, ""},
		"a condition about both fails":                                  {both, 1200, 1210, 2400, fail, fail, "1210ms does not meet value <= 2.0 * primary; the primary's value is 500ms"},
		"a condition about both that nobody can tell":                   {both, 600, 1100, 1200, inconclusive, pass, "of the primary's, the bounds of the histogram are 300ms and 600ms"},
	} {
		t.Run(name, func(t *testing.T) {
			of := c.metric.Name
			results := Judge(policyWith(c.metric), []Sample{
				{Check: of, Metric: RequestCount, Value: 100}, {Check: of, Metric: Duration, Value: c.value},
				{Check: of, Metric: LowerBound, Value: c.lower}, {Check: of, Metric: UpperBound, Value: c.upper},
				{Check: of, Metric: PrimaryCount, Value: 100}, {Check: of, Metric: PrimaryValue, Value: 500},
				{Check: of, Metric: PrimaryLower, Value: 300}, {Check: of, Metric: PrimaryUpper, Value: 600},
			})
			if got := results[0]; got.Verdict != c.verdict || VerdictOf(results) != c.ofRound || !strings.Contains(got.Message, c.says) || c.says == "" && got.Message != "" {
				t.Errorf("%+v, and the round %s", got, VerdictOf(results))
			}
		})
	}
}

// TestABoundThatIsNotKnownIsNoData holds that no limit is judged without its bounds.
func TestABoundThatIsNotKnownIsNoData(t *testing.T) {
	metric := v1alpha1.Metric{Name: v1alpha1.MetricDuration}
	known := samples(100, 100, 20)
	for _, bound := range []Metric{LowerBound, UpperBound} {
		without := changed(append([]Sample{}, known...), bound, func(s *Sample) { s.Missing = true })
		if got := Judge(policyWith(metric), without)[0]; got.Verdict != v1alpha1.VerdictInconclusive || got.Optional || got.Message != "there is no data for this metric" {
			t.Errorf("%s: %+v", bound, got)
		}
	}
	metric.MetricJudgement = compared(nil, ptr.To(2.0))
	queries, err := QueriesFor(ChecksOf(policyWith(metric))[0], "app", Target{Namespace: "shop", Workload: "web-canary", Primary: "web"}, 60e9)
	var asked []Metric
	for _, q := range queries {
		asked = append(asked, q.Metric)
	}
	if diff := cmp.Diff([]Metric{RequestCount, Duration, LowerBound, UpperBound, PrimaryCount, PrimaryValue, PrimaryLower, PrimaryUpper}, asked); diff != "" || err != nil {
		t.Errorf("a check that compares asks for %v, %v", asked, err)
	}
	known = append(known, Sample{Check: metric.Name, Metric: PrimaryCount, Value: 100}, Sample{Check: metric.Name, Metric: PrimaryValue, Value: 20},
		Sample{Check: metric.Name, Metric: PrimaryLower, Value: 10}, Sample{Check: metric.Name, Metric: PrimaryUpper, Value: 20})
	for _, bound := range []Metric{PrimaryLower, PrimaryUpper} {
		without := changed(append([]Sample{}, known...), bound, func(s *Sample) { s.Missing = true })
		if got := Judge(policyWith(metric), without)[0]; got.Verdict != v1alpha1.VerdictInconclusive || got.Optional {
			t.Errorf("%s: %+v", bound, got)
		}
	}
	moved := changed(known, PrimaryLower, func(s *Sample) { s.Value = 30 })
	if got := Judge(policyWith(metric), moved)[0]; got.Verdict != v1alpha1.VerdictInconclusive || got.Optional || got.Message != errMoved.Error() {
		t.Errorf("bounds of different moments: %+v", got)
	}
}
