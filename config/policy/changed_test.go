package policy

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// TestChangedPolicies changes single values of an effective policy.
func TestChangedPolicies(t *testing.T) {
	limited := Policies{Default: &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1alpha1.ClusterPolicySpec{
		Limits: &v1alpha1.PolicyLimits{MinInterval: &metav1.Duration{Duration: time.Minute}}}}}
	for name, c := range map[string]struct {
		policies    Policies
		annotations map[string]string
		change      func(*v1alpha1.AnalysisSpec)
		holds       func(config.Policy) bool
		fails       bool
	}{
		"a value of the guard": {Policies{}, nil, func(a *v1alpha1.AnalysisSpec) { a.Guard.Rho = ptr.To(2.0) },
			func(p config.Policy) bool { return p.Guard.Rho == 2 && p.Guard.Ladder }, false},
		"steps in place of the ladder": {Policies{}, nil, func(a *v1alpha1.AnalysisSpec) { a.Ladder, a.StepWeights = nil, []float64{5, 50} },
			func(p config.Policy) bool { return !p.Guard.Ladder && len(p.StepWeights) == 2 }, false},
		"a value that an annotation has set": {Policies{}, map[string]string{config.AnnotationInterval: "1m"},
			func(a *v1alpha1.AnalysisSpec) { a.Interval = &metav1.Duration{Duration: 2 * time.Minute} },
			func(p config.Policy) bool { return p.Interval == 2*time.Minute }, false},
		"a value below the limits stays at the limit": {limited, nil, func(a *v1alpha1.AnalysisSpec) { a.Interval = &metav1.Duration{Duration: time.Second} },
			func(p config.Policy) bool { return p.Interval == time.Minute }, false},
		"a value that cannot be": {Policies{}, nil, func(a *v1alpha1.AnalysisSpec) { a.Guard.Rho = ptr.To(0.5) }, nil, true},
	} {
		present := PresentOf("demo", c.annotations, c.policies)
		if present.Problem != "" {
			t.Fatalf("%s: %s", name, present.Problem)
		}
		changed, errs := c.policies.Changed(present.Status.Spec, c.change)
		if failed := len(errs) > 0; failed != c.fails || !failed && !c.holds(changed) {
			t.Errorf("%s: %v %+v", name, errs, changed)
		}
		if again := PresentOf("demo", c.annotations, c.policies); len(Differences(again.Status.Spec, present.Status.Spec)) > 0 {
			t.Errorf("%s: the effective policy has changed itself", name)
		}
	}
}
