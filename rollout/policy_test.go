package rollout

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func every(interval time.Duration) v1alpha1.PolicySpec {
	return v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Interval: &metav1.Duration{Duration: interval}}}
}

func inNamespace(name string, spec v1alpha1.PolicySpec) *v1alpha1.CanaryPolicy {
	return &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func ofCluster(name string, spec v1alpha1.PolicySpec) *v1alpha1.ClusterCanaryPolicy {
	return &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func TestPresentPolicy(t *testing.T) {
	broken := v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Threshold: ptr.To[int32](0)}}
	noStep := v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{StepWeight: ptr.To(0.0)}}
	standard := map[string]string{config.AnnotationPolicy: "standard"}
	for name, c := range map[string]struct {
		annotations map[string]string
		policies    Policies
		interval    time.Duration
		named       string
		problem     string
	}{
		"without policies there is what is built in": {interval: 30 * time.Second},
		"the default policy of the cluster is for everybody": {
			policies: Policies{Default: ofCluster("default", every(time.Minute))}, interval: time.Minute},
		"a named policy comes before the default one": {annotations: standard, named: "CanaryPolicy/standard", interval: 2 * time.Minute,
			policies: Policies{Named: inNamespace("standard", every(2*time.Minute)), Default: ofCluster("default", every(time.Minute))}},
		"the policy of the namespace comes before that of the cluster": {annotations: standard, named: "CanaryPolicy/standard", interval: 2 * time.Minute,
			policies: Policies{Named: inNamespace("standard", every(2*time.Minute)), ClusterNamed: ofCluster("standard", every(time.Hour))}},
		"a policy of the cluster can be named": {annotations: standard, named: "ClusterCanaryPolicy/standard", interval: time.Hour,
			policies: Policies{ClusterNamed: ofCluster("standard", every(time.Hour))}},
		"an annotation comes before all": {annotations: map[string]string{config.AnnotationPolicy: "standard", config.AnnotationInterval: "7s"}, named: "CanaryPolicy/standard",
			interval: 7 * time.Second, policies: Policies{Named: inNamespace("standard", every(2*time.Minute))}},
		"a policy that does not exist is a problem": {annotations: standard, interval: 30 * time.Second,
			problem: "CanaryPolicy standard, which the annotation sluice.dev/policy names, does not exist in namespace demo"},
		"a policy that cannot be used is a problem": {annotations: standard, interval: 30 * time.Second,
			policies: Policies{Named: inNamespace("standard", broken)}, problem: "CanaryPolicy/standard cannot be used until this is corrected in it: spec.analysis.threshold"},
		"so is a default one": {interval: 30 * time.Second, policies: Policies{Default: ofCluster("default", broken)}, problem: "ClusterCanaryPolicy/default cannot be used"},
		"what does not go together is a problem that names the source": {annotations: map[string]string{config.AnnotationMirrorWeight: "10"}, interval: 30 * time.Second,
			problem: "annotations cannot be used until this is corrected in them: spec.analysis.mirrorWeight: Invalid value: 10: needs mirror: true (set by annotation sluice.dev/mirror-weight)"},
		"a policy alone that has no step is a problem of that policy": {annotations: standard, interval: 30 * time.Second,
			policies: Policies{Named: inNamespace("standard", noStep)}, problem: "CanaryPolicy/standard cannot be used until this is corrected in it: spec.analysis.stepWeight"},
		"an annotation and a policy that do not go together are both named": {interval: 30 * time.Second,
			annotations: map[string]string{config.AnnotationPolicy: "standard", config.AnnotationThreshold: "3"},
			policies:    Policies{Named: inNamespace("standard", noStep)}, problem: "annotations and CanaryPolicy/standard do not go together, correct one of them: spec.analysis.stepWeight"},
		"an annotation that cannot be read is a problem": {annotations: map[string]string{config.AnnotationInterval: "soon"}, interval: 30 * time.Second,
			problem: "metadata.annotations[sluice.dev/interval]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := PresentPolicy("demo", c.annotations, c.policies)
			if got.Policy.Interval != c.interval || !strings.Contains(got.Problem, c.problem) || (got.Problem == "") != (c.problem == "") {
				t.Errorf("got an interval of %s, problem %q", got.Policy.Interval, got.Problem)
			}
			if (got.Status == nil) != (c.problem != "") || got.Status != nil && got.Status.Name != c.named {
				t.Errorf("got status %+v", got.Status)
			}
		})
	}
}

// tickWith is one tick of a state with what the policies are now.
func tickWith(state State, present Present) *tick {
	o := complete()
	o.Policy, o.PolicyProblem = present.Status, present.Problem
	t := begin(present.Policy, state, o)
	t.showPolicy()
	return t
}

func TestARunningRolloutKeepsItsPolicy(t *testing.T) {
	standard := map[string]string{config.AnnotationPolicy: "standard"}
	began := PresentPolicy("demo", standard, Policies{Named: inNamespace("standard", every(time.Minute))})
	suspended := every(time.Hour)
	suspended.Suspend, suspended.SkipAnalysis = ptr.To(true), ptr.To(true)
	changed := PresentPolicy("demo", standard, Policies{Named: inNamespace("standard", suspended)})
	running := State{Phase: v1alpha1.PhaseProgressing, Candidate: "c", Policy: began.Status}

	got := tickWith(running, changed)
	if got.policy.Interval != time.Minute || !got.policy.Suspend || !got.policy.SkipAnalysis {
		t.Errorf("the policy in force is %+v: it must keep the interval and take the switches", got.policy)
	}
	shown := got.plan.Next.Policy
	if want := "CanaryPolicy/standard has changed since this rollout began (analysis.interval); the next rollout takes it"; shown.Changed != want {
		t.Errorf("it says %q, not %q", shown.Changed, want)
	}
	both := tickWith(running, PresentPolicy("demo", map[string]string{config.AnnotationPolicy: "standard", config.AnnotationThreshold: "3"},
		Policies{Named: inNamespace("standard", every(time.Hour))})).plan.Next.Policy.Changed
	if want := "CanaryPolicy/standard and annotation sluice.dev/threshold have changed since this rollout began (analysis.interval, analysis.threshold); the next rollout takes them"; both != want {
		t.Errorf("it says %q, not %q", both, want)
	}
	if again := tickWith(got.plan.Next, changed); again.plan.Next.Policy != got.plan.Next.Policy && !samePolicy(again.plan.Next.Policy, shown) {
		t.Errorf("another tick shows %+v", again.plan.Next.Policy)
	}
	if got.usePresent(); got.policy.Interval != time.Hour {
		t.Errorf("the next rollout begins with %+v", got.policy)
	}
	if got.showPolicy(); got.plan.Next.Policy.Changed != "" || got.plan.Next.Policy.Spec.Analysis.Interval.Duration != time.Hour {
		t.Errorf("the next rollout shows %+v", got.plan.Next.Policy)
	}

	missing := PresentPolicy("demo", standard, Policies{})
	if got = tickWith(running, missing); got.problem != "" || got.policy.Interval != time.Minute {
		t.Errorf("a policy that is gone ends the rollout: %q, %+v", got.problem, got.policy)
	}
	if !strings.HasPrefix(got.plan.Next.Policy.Changed, "the next rollout cannot begin: CanaryPolicy standard") {
		t.Errorf("it says %q", got.plan.Next.Policy.Changed)
	}
	if got.usePresent(); got.problem != missing.Problem {
		t.Errorf("the next rollout begins in spite of %q", missing.Problem)
	}
	if got = tickWith(State{Phase: v1alpha1.PhaseInitialized}, missing); got.problem != missing.Problem || got.plan.Next.Policy != nil {
		t.Errorf("while nothing runs the problem is %q and the policy %+v", got.problem, got.plan.Next.Policy)
	}
}

func samePolicy(a, b *v1alpha1.PolicyStatus) bool {
	return a.Name == b.Name && a.Changed == b.Changed && len(config.Differences(a.Spec, b.Spec)) == 0
}

func TestAPolicyThatMeansTheSameIsNotWrittenAgain(t *testing.T) {
	present := PresentPolicy("demo", nil, Policies{Default: ofCluster("default", every(time.Minute))})
	state := tickWith(State{Phase: v1alpha1.PhaseInitialized}, present).plan.Next
	if next := tickWith(state, PresentPolicy("demo", nil, Policies{Default: ofCluster("default", every(time.Minute))})).plan.Next; next.Policy == nil || state.Policy == nil {
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
		tick := &tick{policy: config.Policy{SkipAnalysis: true}, o: Observation{Policy: c.present}, before: State{Policy: c.before}}
		if got := tick.skipsAnalysis(); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
