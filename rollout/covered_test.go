package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/rollout/plan"
)

// found is a reading that has these objects, each as KIND NAMESPACE/NAME and its spec.
func found(objects ...string) *coverage.Reading {
	reading := &coverage.Reading{}
	for _, object := range objects {
		kind, rest, _ := strings.Cut(object, " ")
		name, spec, _ := strings.Cut(rest, " ")
		namespace, name, _ := strings.Cut(name, "/")
		for _, known := range coverage.Kinds() {
			if known.Kind == kind {
				reading.Objects = append(reading.Objects, coverage.Read(known, fmt.Appendf(nil, `{"metadata":{"namespace":%q,"name":%q},"spec":%s}`, namespace, name, spec)))
				break
			}
		}
	}
	return reading
}

const (
	denied     = `AuthorizationPolicy test/deny-admin {"selector":{"matchLabels":{"app":"podinfo"}}}`
	encrypted  = `BackendTLSPolicy test/podinfo {"targetRefs":[{"kind":"Service","name":"podinfo"}]}`
	encrypted2 = `BackendTLSPolicy test/podinfo {"targetRefs":[{"kind":"Service","name":"podinfo"},{"kind":"Service","name":"podinfo-canary"}]}`
	elsewhere  = `AuthorizationPolicy other/deny-admin {"selector":{"matchLabels":{"app":"podinfo"}}}`
	scraped    = `PodMonitor monitoring/pods {"selector":{"matchLabels":{"app":"podinfo"}},"namespaceSelector":{"any":true}}`
)

// finding makes every look find these objects.
func finding(objects ...string) func(*world) {
	return func(w *world) {
		var names []string
		for _, object := range objects {
			kind, rest, _ := strings.Cut(object, " ")
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, kind+" "+name)
		}
		w.tell("there are now: %s", strings.Join(names, ", "))
		w.coverage = found(objects...)
	}
}

func lettingPass(refs ...string) func(*world) {
	return func(w *world) {
		w.tell("user lets pass: %s", strings.Join(refs, ","))
		w.policy.MissedPolicies = refs
	}
}

func forbidding(kinds ...string) func(*world) {
	return func(w *world) { w.coverage = &coverage.Reading{Forbidden: kinds} }
}

var coveredStories = map[string]story{
	"policies that would miss the canary hold the rollout until they select it": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: finding(denied, encrypted),
		acts:  []act{{immediately, setting("v2")}, {after(30 * time.Second), finding(encrypted2)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a policy that would miss the canary holds the rollout until the user lets it pass": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: finding(denied, encrypted2),
		acts:  []act{{immediately, setting("v2")}, {after(30 * time.Second), lettingPass("AuthorizationPolicy/deny-admin")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a candidate that a policy holds is aborted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: finding(denied),
		acts:  []act{{immediately, setting("v2")}, {after(30 * time.Second), aborting("v2", 0)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"a policy of another namespace and a monitor that miss the canary are told": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: finding(elsewhere, scraped),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"that some policies may not be read is told once": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: forbidding("CiliumNetworkPolicy of cilium.io", "Telemetry of telemetry.istio.io"),
		acts: []act{{immediately, setting("v2")},
			{func(w *world) bool { return w.state.Phase == v1alpha1.PhaseSucceeded }, func(w *world) { w.set("v3"); w.behaviours["v3"] = good }}},
		phase: v1alpha1.PhaseSucceeded, version: "v3",
	},
}

// TestWhatIsToldOfPoliciesThatMissTheCanary looks at the first tick of a candidate.
func TestWhatIsToldOfPoliciesThatMissTheCanary(t *testing.T) {
	unread := &coverage.Reading{Unread: []string{"CiliumNetworkPolicy of cilium.io (its API fails)"}}
	many := make([]string, 12)
	for i := range many {
		many[i] = strings.Replace(denied, "deny-admin", fmt.Sprintf("deny-%02d", i), 1)
	}
	for name, c := range map[string]struct {
		prepare   func(*world)
		holds     string
		protected string
		scraped   string
	}{
		"nothing misses it":              {prepare: func(*world) {}},
		"a policy by labels":             {prepare: finding(denied), holds: "AuthorizationPolicy deny-admin; have each select the canary's pods (app=podinfo-canary), too", protected: "PoliciesMissCanary"},
		"a policy by the Service's name": {prepare: finding(encrypted), holds: "BackendTLSPolicy podinfo; have each select Service podinfo-canary, too", protected: "PoliciesMissCanary"},
		"how to let it pass": {prepare: finding(denied, encrypted), protected: "PoliciesMissCanary",
			holds: "kubectl annotate deployment podinfo -n test --overwrite sluice.dev/missed-policies=AuthorizationPolicy/deny-admin,BackendTLSPolicy/podinfo"},
		"more than a message names":               {prepare: finding(many...), holds: "deny-09, and 2 more; ", protected: "PoliciesMissCanary"},
		"more than a command names":               {prepare: finding(many...), holds: "sluice.dev/missed-policies='*'", protected: "PoliciesMissCanary"},
		"a policy that may":                       {prepare: inTurnOf(finding(denied), lettingPass("AuthorizationPolicy/deny-admin")), protected: "PoliciesMissCanary"},
		"all policies may":                        {prepare: inTurnOf(finding(denied, encrypted), lettingPass("*")), protected: "PoliciesMissCanary"},
		"another one may":                         {prepare: inTurnOf(finding(denied), lettingPass("AuthorizationPolicy/other")), holds: "AuthorizationPolicy deny-admin", protected: "PoliciesMissCanary"},
		"a policy of another namespace":           {prepare: finding(elsewhere), protected: "PoliciesMissCanary"},
		"a monitor":                               {prepare: finding(scraped), scraped: "MonitorsMissCanary"},
		"kinds whose API fails":                   {prepare: func(w *world) { w.coverage = unread }, protected: "PoliciesUnread"},
		"kinds that may not be read":              {prepare: forbidding("Telemetry of telemetry.istio.io"), protected: "PoliciesNotReadable"},
		"nobody has looked yet":                   {prepare: func(w *world) { w.coverage = nil }, holds: "Looking for policies that would miss the canary"},
		"a primary that serves nobody":            {prepare: inTurnOf(finding(denied), func(w *world) { w.primary.Spec.Replicas = ptrTo(int32(0)) })},
		"a policy that a canary without requests": {prepare: inTurnOf(finding(encrypted), func(w *world) { w.policy.Traffic, w.served = v1alpha1.TrafficNone, false })},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
			w.tick()
			c.prepare(w)
			w.set("v2")
			w.candidate.AtZero = *w.primary.Spec.Replicas == 0
			p := planFor(w.policy, w.state, w.observe())
			held := p.Next.Phase == v1alpha1.PhaseWaiting && p.Ask.Key == ""
			if held != (c.holds != "") || !strings.Contains(p.Next.Message, c.holds) {
				t.Errorf("%s: %s", p.Next.Phase, p.Next.Message)
			}
			if held && (p.Wait == 0 || p.Wait > 10*time.Second) {
				t.Errorf("looks again in %s", p.Wait)
			}
			for kind, reason := range map[string]string{v1alpha1.ConditionProtected: c.protected, v1alpha1.ConditionScraped: c.scraped} {
				checkTold(t, p, kind, reason, held)
			}
		})
	}
}

// checkTold checks that a condition has a reason, and that an event says the same, or that the candidate is blocked.
func checkTold(t *testing.T, p plan.Plan, kind, reason string, held bool) {
	t.Helper()
	condition := meta.FindStatusCondition(p.Next.Conditions, kind)
	if condition == nil {
		if reason != "" {
			t.Errorf("no condition %s", kind)
		}
		return
	}
	if condition.Reason != reason || condition.Status == metav1.ConditionTrue {
		t.Errorf("%s is %s because of %s: %s", kind, condition.Status, condition.Reason, condition.Message)
	}
	var told []string
	for _, event := range p.Events {
		if strings.Contains(event.Message, condition.Message) {
			told = append(told, event.Reason)
		}
	}
	want := strings.Replace(reason, "PoliciesNotReadable", "PoliciesUnread", 1)
	if held {
		want = "CandidateBlocked"
	}
	if !slices.Equal(told, []string{want}) {
		t.Errorf("told by %v, want %s", told, want)
	}
}

// checkCovered fails if a rollout starts whose canary a policy of its namespace would miss.
func (w *world) checkCovered(p plan.Plan) {
	starts := w.state.Rollout == nil && p.Next.Phase == v1alpha1.PhaseProgressing
	mayMiss := len(w.policy.MissedPolicies) > 0 || w.coverage == nil || !slices.ContainsFunc(w.coverage.Objects, func(o coverage.Object) bool {
		return o.Kind == "AuthorizationPolicy" && o.Namespace == w.primary.Namespace
	})
	if starts && !w.dryRun && !mayMiss {
		w.t.Errorf("a rollout starts without %s", w.coverage.Objects[0].Name)
	}
}

// TestAPolicyThatAppearsInFlightIsTold does not end a rollout that has begun.
func TestAPolicyThatAppearsInFlightIsTold(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	w.tick()
	w.set("v2")
	w.tick()
	w.coverage = found(denied)
	p := planFor(w.policy, w.state, w.observe())
	if p.Next.Phase != v1alpha1.PhaseProgressing {
		t.Errorf("%s: %s", p.Next.Phase, p.Next.Message)
	}
	checkTold(t, p, v1alpha1.ConditionProtected, "PoliciesMissCanary", false)
	told := p.Next.Conditions
	w.state, w.coverage = p.Next, nil
	if p = planFor(w.policy, w.state, w.observe()); len(p.Next.Conditions) != len(told) {
		t.Error("a look that is missing changes what is known")
	}
}
