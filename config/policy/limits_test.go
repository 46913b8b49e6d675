package policy

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func seconds(n int) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n) * time.Second}
}

// guarded is the policy of the cluster with limits.
func guarded(limits v1alpha1.PolicyLimits) *v1alpha1.ClusterCanaryPolicy {
	return &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.DefaultPolicyName}, Spec: v1alpha1.ClusterPolicySpec{Limits: &limits}}
}

// TestNoNamespaceLowersALimit sets every value that has a limit, by annotations and by a policy of the namespace, in both
// directions.
func TestNoNamespaceLowersALimit(t *testing.T) {
	errors := v1alpha1.Metric{Name: "errors", Query: "vector(0)", ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(1.0)}}
	limits := v1alpha1.PolicyLimits{MinInterval: seconds(60), MaxThreshold: ptr.To[int32](3), MinRequests: ptr.To[int32](50),
		Metrics: []v1alpha1.Metric{config.SuccessRate(99.5), errors}}
	lax := map[string]string{config.AnnotationInterval: "1s", config.AnnotationThreshold: "1000", config.AnnotationMinRequests: "1",
		config.AnnotationMinSuccessRate: "1", config.AnnotationStepWeights: "10@1s,20"}
	strict := map[string]string{config.AnnotationInterval: "5m", config.AnnotationThreshold: "1", config.AnnotationMinRequests: "500",
		config.AnnotationMinSuccessRate: "99.9"}
	named := func(annotations map[string]string) (map[string]string, *v1alpha1.CanaryPolicy) {
		settings, errs := SettingsOf(annotations)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		spec := settings.Spec
		spec.Analysis.Metrics = settings.Checks
		return map[string]string{config.AnnotationPolicy: "own"}, &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "own"}, Spec: spec}
	}
	for name, c := range map[string]struct {
		annotations map[string]string
		byPolicy    bool
		interval    time.Duration
		threshold   int32
		requests    float64
		rate        float64
	}{
		"nothing is set":     {nil, false, time.Minute, 3, 50, 99.5},
		"lax annotations":    {lax, false, time.Minute, 3, 50, 99.5},
		"a lax policy":       {lax, true, time.Minute, 3, 50, 99.5},
		"strict annotations": {strict, false, 5 * time.Minute, 1, 500, 99.9},
		"a strict policy":    {strict, true, 5 * time.Minute, 1, 500, 99.9},
	} {
		t.Run(name, func(t *testing.T) {
			policies, annotations := Policies{Default: guarded(limits)}, c.annotations
			if c.byPolicy {
				annotations, policies.Named = named(c.annotations)
			}
			present := PresentOf("shop", annotations, policies)
			if present.Problem != "" {
				t.Fatal(present.Problem)
			}
			got := present.Policy
			if got.Interval != c.interval || got.Threshold != c.threshold || got.MinRequests != c.requests || got.MinSuccessRate != c.rate {
				t.Errorf("in force are %s, %d, %v and %v", got.Interval, got.Threshold, got.MinRequests, got.MinSuccessRate)
			}
			found := false
			for _, check := range got.Checks {
				found = found || check.Name == "errors" && check.Query == "vector(0)"
			}
			if !found {
				t.Errorf("the required check is missing: %+v", got.Checks)
			}
			for _, step := range got.ExplicitSteps {
				if step.Duration != 0 && step.Duration < time.Minute {
					t.Errorf("a step lasts %s", step.Duration)
				}
			}
			sources := map[string]string{}
			for _, source := range present.Status.Sources {
				sources[source.Field] = source.From
			}
			const limit = "ClusterCanaryPolicy/default (limits)"
			isLimit := c.interval == time.Minute
			if (sources["analysis.interval"] == limit) != isLimit || (sources["analysis.threshold"] == limit) != isLimit || sources["analysis.metrics[errors]"] != limit {
				t.Errorf("the sources are %v", sources)
			}
		})
	}
}

func TestLimitsAreOfTheDefaultPolicyOnly(t *testing.T) {
	spec := v1alpha1.ClusterPolicySpec{Limits: &v1alpha1.PolicyLimits{MaxThreshold: ptr.To[int32](3)}}
	if errs := ValidateCluster("strict", spec); !strings.Contains(errs.ToAggregate().Error(), "only the ClusterCanaryPolicy named default can have them") {
		t.Error(errs)
	}
	if errs := ValidateCluster(v1alpha1.DefaultPolicyName, spec); len(errs) > 0 {
		t.Error(errs)
	}
	wrong := v1alpha1.ClusterPolicySpec{Limits: &v1alpha1.PolicyLimits{MinInterval: seconds(0), MaxThreshold: ptr.To[int32](0), MinRequests: ptr.To[int32](0),
		Metrics: []v1alpha1.Metric{{Name: "own"}}}}
	for _, path := range []string{"spec.limits.minInterval", "spec.limits.maxThreshold", "spec.limits.minRequests", "spec.limits.metrics[0]"} {
		if errs := ValidateCluster(v1alpha1.DefaultPolicyName, wrong); !strings.Contains(errs.ToAggregate().Error(), path) {
			t.Errorf("%s is not in %v", path, errs)
		}
	}
}

func TestARequiredCheckNamesTheNamespaceOfItsTemplate(t *testing.T) {
	const path = "spec.limits.metrics[0].templateRef.namespace"
	for namespace, refused := range map[string]bool{"": true, "monitoring": false} {
		metric := v1alpha1.Metric{Name: "errors", TemplateRef: &v1alpha1.ObjectRef{Name: "errors", Namespace: namespace}, ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(1.0)}}
		errs := ValidateCluster(v1alpha1.DefaultPolicyName, v1alpha1.ClusterPolicySpec{Limits: &v1alpha1.PolicyLimits{Metrics: []v1alpha1.Metric{metric}}})
		if found := len(errs) == 1 && errs[0].Field == path; found != refused || !refused && len(errs) > 0 {
			t.Errorf("with namespace %q: %v", namespace, errs)
		}
	}
}

func TestTheIntervalOfARequiredCheckIsKept(t *testing.T) {
	required := config.SuccessRate(90)
	required.Interval = seconds(300)
	present := PresentOf("shop", nil, Policies{Default: guarded(v1alpha1.PolicyLimits{Metrics: []v1alpha1.Metric{required}})})
	for _, check := range present.Policy.Checks {
		if check.Name == v1alpha1.MetricSuccessRate && check.Interval != nil && check.Interval.Duration == 5*time.Minute && *check.ThresholdRange.Min == 90 {
			return
		}
	}
	t.Errorf("the checks are %+v", present.Policy.Checks)
}

// TestNoNamespaceMakesARequiredCheckLax sets what could keep a required built-in check from failing a rollout.
func TestNoNamespaceMakesARequiredCheckLax(t *testing.T) {
	own := config.SuccessRate(99.9)
	own.NoData, own.DryRun, own.FailureLimit, own.ConsecutiveLimit = v1alpha1.NoDataSkips, ptr.To(true), ptr.To[int32](1000), ptr.To[int32](1000)
	stricter := config.RequestDuration(100)
	stricter.Critical, stricter.Condition = ptr.To(true), "value > 0"
	counting := v1alpha1.Metric{Name: "orders", Query: "orders", ThresholdRange: &v1alpha1.ThresholdRange{Min: ptr.To(1.0)}}
	counting.ConsecutiveLimit = ptr.To[int32](1000)
	required := config.SuccessRate(99)
	required.Critical, required.CompareTo, required.RatioRange = ptr.To(true), v1alpha1.ComparedToPrimary, &v1alpha1.ThresholdRange{Min: ptr.To(0.9)}
	limits := v1alpha1.PolicyLimits{MaxThreshold: ptr.To[int32](3), Metrics: []v1alpha1.Metric{required, config.RequestDuration(500)}}
	present := PresentOf("shop", map[string]string{config.AnnotationPolicy: "own"}, Policies{Default: guarded(limits), Named: &v1alpha1.CanaryPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "own"}, Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Metrics: []v1alpha1.Metric{own, stricter, counting}}}}})
	if present.Problem != "" || len(present.Policy.Checks) != 3 {
		t.Fatalf("%s: %+v", present.Problem, present.Policy.Checks)
	}
	if got := present.Policy.Checks[0]; *got.ThresholdRange.Min != 99.9 || !equality.Semantic.DeepEqual(got.MetricJudgement, required.MetricJudgement) {
		t.Errorf("the required check is %+v", got)
	}
	if got := present.Policy.Checks[1]; *got.ThresholdRange.Max != 100 || !equality.Semantic.DeepEqual(got.MetricJudgement, stricter.MetricJudgement) {
		t.Errorf("the check that is stricter than required is %+v", got)
	}
	if got := present.Policy.Checks[2]; ptr.Deref(got.FailureLimit, 0) != 3 || *got.ConsecutiveLimit != 1000 {
		t.Errorf("a check counts its own failures beyond the greatest threshold: %+v", got)
	}
}
