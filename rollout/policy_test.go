package rollout

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/rollout/observed"
)

func every(interval time.Duration) v1alpha1.PolicySpec {
	return v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Interval: &metav1.Duration{Duration: interval}}}
}

func inNamespace(name string, spec v1alpha1.PolicySpec) *v1alpha1.CanaryPolicy {
	return &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func ofCluster(name string, spec v1alpha1.PolicySpec) *v1alpha1.ClusterCanaryPolicy {
	return &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterPolicySpec{PolicySpec: spec}}
}

// tickWith is one tick of a state with the present policies.
func tickWith(state observed.State, present policy.Present) *tick {
	o := complete()
	o.Policy, o.PolicyProblem = present.Status, present.Problem
	t := begin(factsFor(present.Policy, state, o))
	showPolicy(t)
	return t
}

// nextAfter is the tick of the rollout that starts when the rollout of a tick ends.
func nextAfter(t *tick) *tick {
	next := &tick{Facts: t.ofNext(), plan: t.plan}
	showPolicy(next)
	return next
}

func TestARunningRolloutKeepsItsPolicy(t *testing.T) {
	standard := map[string]string{config.AnnotationPolicy: "standard"}
	began := policy.PresentOf("demo", standard, policy.Policies{Named: inNamespace("standard", every(time.Minute))})
	suspended := every(time.Hour)
	suspended.Suspend, suspended.SkipAnalysis = ptr.To(true), ptr.To(true)
	changed := policy.PresentOf("demo", standard, policy.Policies{Named: inNamespace("standard", suspended)})
	running := observed.State{Phase: v1alpha1.PhaseProgressing, Candidate: v1alpha1.CandidateStatus{Hash: "c"}, Policy: began.Status}

	got := tickWith(running, changed)
	if got.policy.Interval != time.Minute || !got.policy.Suspend || !got.policy.SkipAnalysis {
		t.Errorf("the policy in force is %+v: it must keep the interval and take the switches", got.policy)
	}
	shown := got.plan.Next.Policy
	if want := "CanaryPolicy/standard has changed since this rollout started (analysis.interval); the next rollout uses it"; shown.Changed != want {
		t.Errorf("it says %q, not %q", shown.Changed, want)
	}
	both := tickWith(running, policy.PresentOf("demo", map[string]string{config.AnnotationPolicy: "standard", config.AnnotationThreshold: "3"},
		policy.Policies{Named: inNamespace("standard", every(time.Hour))})).plan.Next.Policy.Changed
	if want := "CanaryPolicy/standard and annotation sluice.dev/threshold have changed since this rollout started (analysis.interval, analysis.threshold); the next rollout uses them"; both != want {
		t.Errorf("it says %q, not %q", both, want)
	}
	if again := tickWith(got.plan.Next, changed); again.plan.Next.Policy != got.plan.Next.Policy && !samePolicy(again.plan.Next.Policy, shown) {
		t.Errorf("another tick shows %+v", again.plan.Next.Policy)
	}
	if got = nextAfter(got); got.policy.Interval != time.Hour {
		t.Errorf("the next rollout begins with %+v", got.policy)
	}
	if got.plan.Next.Policy.Changed != "" || got.plan.Next.Policy.Spec.Analysis.Interval.Duration != time.Hour {
		t.Errorf("the next rollout shows %+v", got.plan.Next.Policy)
	}

	missing := policy.PresentOf("demo", standard, policy.Policies{})
	if got = tickWith(running, missing); got.problem != "" || got.policy.Interval != time.Minute {
		t.Errorf("a policy that is gone ends the rollout: %q, %+v", got.problem, got.policy)
	}
	if !strings.HasPrefix(got.plan.Next.Policy.Changed, "the next rollout cannot start: CanaryPolicy standard") {
		t.Errorf("it says %q", got.plan.Next.Policy.Changed)
	}
	if got = nextAfter(got); got.problem != missing.Problem {
		t.Errorf("the next rollout begins in spite of %q", missing.Problem)
	}
	if got = tickWith(observed.State{Phase: v1alpha1.PhaseInitialized}, missing); got.problem != missing.Problem || got.plan.Next.Policy != nil {
		t.Errorf("while nothing runs the problem is %q and the policy %+v", got.problem, got.plan.Next.Policy)
	}
}

func samePolicy(a, b *v1alpha1.PolicyStatus) bool {
	return a.Name == b.Name && a.Changed == b.Changed && len(policy.Differences(a.Spec, b.Spec)) == 0
}

func TestAPolicyThatMeansTheSameIsNotWrittenAgain(t *testing.T) {
	present := policy.PresentOf("demo", nil, policy.Policies{Default: ofCluster("default", every(time.Minute))})
	state := tickWith(observed.State{Phase: v1alpha1.PhaseInitialized}, present).plan.Next
	if next := tickWith(state, policy.PresentOf("demo", nil, policy.Policies{Default: ofCluster("default", every(time.Minute))})).plan.Next; next.Policy == nil || state.Policy == nil {
		t.Fatal("no policy is shown")
	} else if !samePolicy(next.Policy, state.Policy) {
		t.Errorf("%+v became %+v", state.Policy, next.Policy)
	}
}

func TestTheSourceOfASwitchIsNamed(t *testing.T) {
	from := func(source string) *v1alpha1.PolicyStatus {
		return &v1alpha1.PolicyStatus{Sources: []v1alpha1.PolicySource{{Field: "skipAnalysis", From: source}}}
	}
	for name, c := range map[string]struct {
		present, before *v1alpha1.PolicyStatus
		want            string
	}{
		"an annotation": {from("annotation sluice.dev/skip-analysis"), nil, "by annotation sluice.dev/skip-analysis"},
		"a policy that says so since the rollout": {from("CanaryPolicy/hotfix"), from("annotation sluice.dev/skip-analysis"), "by CanaryPolicy/hotfix"},
		"a policy that cannot be read any more":   {nil, from("ClusterCanaryPolicy/all"), "by ClusterCanaryPolicy/all"},
		"a source that nobody knows":              {nil, nil, "by its policy"},
	} {
		facts := Facts{Terms: Terms{policy: config.Policy{SkipAnalysis: true}}, o: observed.World{Policy: c.present}, before: observed.State{Policy: c.before}}
		if got := facts.skipsAnalysis(); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
