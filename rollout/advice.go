package rollout

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/target"
)

// setAdvised warns as long as a part of the policy in force has no effect or hardly means what it says. An event reports it
// once, and again when it changes.
func setAdvised(t *tick) {
	setWarning(t, v1alpha1.ConditionPolicyFollowed, "PolicyAdvice", t.advice(), events.PolicyAdvice)
}

// setWarning makes a condition False as long as there is something to warn of, and removes it otherwise. An event reports it
// once, and again when it changes.
func setWarning(t *tick, kind, reason, why string, event func(why string) events.Event) {
	next := &t.plan.Next
	if why == "" {
		meta.RemoveStatusCondition(&next.Conditions, kind)
		return
	}
	if told := meta.FindStatusCondition(next.Conditions, kind); told == nil || told.Message != why {
		emit(t, event(why))
	}
	setCondition(t, kind, metav1.ConditionFalse, reason, why)
}

// setOptInStated warns as long as the last manifest has no opt-in. An event reports it once.
func setOptInStated(t *tick) {
	next, left := &t.plan.Next, t.o.LeftOut
	if left == nil || !t.o.OptedIn() {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionOptInStated)
		return
	}
	event := events.OptInLeftOut(*left)
	if meta.FindStatusCondition(next.Conditions, v1alpha1.ConditionOptInStated) == nil {
		emit(t, event)
	}
	setCondition(t, v1alpha1.ConditionOptInStated, metav1.ConditionFalse, "LeftOut", event.Message)
}

// advice looks at the policy's values and hooks and at the queries of its checks; empty for no advice. It never holds a
// rollout.
func (t tick) advice() string {
	var all []string
	if shown := t.plan.Next.Policy; shown != nil {
		for _, advice := range append(policy.AdviceOf(shown.Spec), policy.EffectiveAdvice(shown.Spec, t.own())...) {
			all = append(all, advice.String())
		}
	}
	for _, hook := range t.policy.Hooks {
		if advice := policy.HookAdvice(hook); advice != "" {
			all = append(all, fmt.Sprintf("hook %q: %s", hook.Name, advice))
		}
	}
	for _, metric := range t.policy.Checks {
		if advice := t.queryAdvice(metric); advice != "" {
			all = append(all, advice)
		}
	}
	return strings.Join(all, "; ")
}

// queryAdvice looks at the queries of a metric; empty for no advice.
func (t tick) queryAdvice(metric v1alpha1.Metric) string {
	where, query, advise := fmt.Sprintf("check %q", metric.Name), strings.Join([]string{metric.Query, metric.Bad, metric.Total}, " "), analysis.Advice
	if metric.TemplateRef != nil {
		name := observed.TemplateName(*metric.TemplateRef, t.o.Namespace)
		where, query = fmt.Sprintf("%s, MetricTemplate %s", where, name), t.o.Templates[name].Query
	}
	if metric.CompareTo != "" {
		advise = analysis.ComparedAdvice
	}
	if metric.Bad != "" {
		where, advise = fmt.Sprintf("metric %q", metric.Name), analysis.ComparedAdvice
	}
	if advice := advise(query); advice != "" {
		return where + ": " + advice
	}
	return ""
}

// own names the objects of the user in whose place none is created.
func (f Facts) own() (own policy.Own) {
	if service := target.OwnService(f.policy, f.o); service != "" {
		own.Service = "Service " + service
	}
	if r := target.OwnRoute(f.policy, f.o, f.target.Service.Name); r != nil {
		own.Route = r.Key().From(f.o.Namespace)
	}
	return own
}
