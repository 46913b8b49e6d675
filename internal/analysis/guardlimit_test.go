package analysis

import (
	"testing"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
)

// TestWhichLimitTheGuardTests holds that a check that says more than a maximum stays a threshold, and that each check is either tested
// or asked for.
func TestWhichLimitTheGuardTests(t *testing.T) {
	duration := func(change func(*v1alpha1.Metric)) v1alpha1.Metric {
		m := v1alpha1.Metric{Name: v1alpha1.MetricDuration, ThresholdRange: within(nil, ptr.To(500.0))}
		change(&m)
		return m
	}
	for name, c := range map[string]struct {
		metric v1alpha1.Metric
		tested bool
	}{
		"a maximum":                  {duration(func(*v1alpha1.Metric) {}), true},
		"an older threshold":         {duration(func(m *v1alpha1.Metric) { m.ThresholdRange, m.Threshold = nil, ptr.To(500.0) }), true},
		"a maximum of nothing":       {duration(func(m *v1alpha1.Metric) { m.ThresholdRange = within(nil, ptr.To(0.0)) }), false},
		"a minimum, too":             {duration(func(m *v1alpha1.Metric) { m.ThresholdRange = within(ptr.To(1.0), ptr.To(500.0)) }), false},
		"the default limit":          {duration(func(m *v1alpha1.Metric) { m.ThresholdRange = nil }), false},
		"a query of its own":         {duration(func(m *v1alpha1.Metric) { m.Query = "up" }), false},
		"another metric":             {duration(func(m *v1alpha1.Metric) { m.Name = v1alpha1.MetricSuccessRate }), false},
		"a limit of failures":        {duration(func(m *v1alpha1.Metric) { m.FailureLimit = ptr.To(int32(3)) }), false},
		"a check of a dry run":       {duration(func(m *v1alpha1.Metric) { m.DryRun = ptr.To(true) }), false},
		"a critical check":           {duration(func(m *v1alpha1.Metric) { m.Critical = ptr.To(true) }), false},
		"a comparison":               {duration(func(m *v1alpha1.Metric) { m.MetricJudgement = compared(nil, ptr.To(2.0)) }), false},
		"a check that may lack data": {duration(func(m *v1alpha1.Metric) { m.NoData = v1alpha1.NoDataSkips }), false},
	} {
		policy := policyWith(c.metric)
		if _, tested := GuardLimit(policy); tested || len(ChecksOf(policy)) != 1 {
			t.Errorf("%s, with the guard off: tested %v", name, tested)
		}
		policy.Guard.Enabled = true
		if seconds, tested := GuardLimit(policy); tested != c.tested || tested && seconds != .5 || tested == (len(ChecksOf(policy)) == 1) {
			t.Errorf("%s: tested %v at %v s, and %d checks", name, tested, seconds, len(ChecksOf(policy)))
		}
	}
}
