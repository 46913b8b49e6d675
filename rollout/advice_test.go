package rollout

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
)

func TestWhatHasNoEffectIsToldOnceAndHoldsNothing(t *testing.T) {
	const alerts = "spec.analysis.alerts: this release sends no alerts (on-call): use a webhook of type event in spec.analysis.webhooks instead"
	const primary = "{{ target }} is the canary, so {{ target }}-primary does not exist: use {{ primary }}, which is your Deployment"
	analysis := func(names ...string) *v1alpha1.AnalysisSpec {
		spec := every(30e9).Analysis
		for _, name := range names {
			spec.Alerts = append(spec.Alerts, v1alpha1.Alert{Name: name, ProviderRef: v1alpha1.ObjectRef{Name: "slack"}})
		}
		return spec
	}
	withQuery := analysis("on-call")
	withQuery.Metrics = []v1alpha1.Metric{{Name: "own", Query: `up{pod=~"{{ target }}-primary.*"}`, Threshold: ptr.To(1.0)}}
	compares := analysis()
	compares.Metrics = []v1alpha1.Metric{{Name: "own", Query: `up{pod=~"{{ target }}-.*"}`, MetricJudgement: v1alpha1.MetricJudgement{CompareTo: v1alpha1.ComparedToPrimary, Condition: "value <= primary"}}}
	withTemplate := analysis()
	withTemplate.Metrics = checkNaming("latency")

	o, state := complete(), observed.State{Phase: v1alpha1.PhaseInitialized}
	o.Candidate = nil
	o.Templates = map[types.NamespacedName]observed.Template{{Namespace: "shared", Name: "latency"}: {Query: "{{target}}-primary"}}
	for _, step := range []struct {
		now    string
		policy *v1alpha1.AnalysisSpec
		told   bool
		want   string
	}{
		{"nothing to say", analysis(), false, ""},
		{"alerts", analysis("on-call"), true, alerts},
		{"the same alerts", analysis("on-call"), false, alerts},
		{"a query too", withQuery, true, alerts + `; check "own": ` + primary},
		{"a MetricTemplate", withTemplate, true, `check "own", MetricTemplate shared/latency: ` + primary},
		{"a comparison whose query is about both", compares, true, `check "own": {{ target }}-.* matches the canary's pods, too, when {{ target }} is the primary: use {{ target }}-[^-]+-[^-]+`},
		{"nothing any more", analysis(), false, ""},
	} {
		present := policy.PresentOf("test", nil, policy.Policies{Default: ofCluster("default", v1alpha1.PolicySpec{Analysis: step.policy})})
		o.Policy, o.PolicyProblem = present.Status, present.Problem
		plan := planFor(present.Policy, state, o)
		state = plan.Next
		got := ""
		if condition := meta.FindStatusCondition(state.Conditions, v1alpha1.ConditionPolicyFollowed); condition != nil {
			got = condition.Message
		}
		told := len(plan.Events) == 1 && plan.Events[0] == events.Event{Warning: true, Reason: "PolicyAdvice", Message: step.want}
		if got != step.want || told != step.told || !told && len(plan.Events) > 0 || state.Phase != v1alpha1.PhaseInitialized {
			t.Errorf("%s: the condition says %q, events %v: %s", step.now, got, plan.Events, plan)
		}
	}
}
