package policy

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// mostRequired is how many checks limits may have, which the schema says too.
const mostRequired = 20

// ValidateCluster checks a policy of the cluster like Validate, and its limits.
func ValidateCluster(name string, spec v1alpha1.ClusterPolicySpec) field.ErrorList {
	errs := Validate(spec.PolicySpec)
	if spec.Limits == nil {
		return errs
	}
	c, path := &checker{}, specPath.Child("limits")
	c.must(name == v1alpha1.DefaultPolicyName, path, name, "apply to every Deployment: only the ClusterCanaryPolicy named default can have them")
	c.duration(path.Child("minInterval"), spec.Limits.MinInterval, config.ShortestStep)
	c.count(path.Child("maxThreshold"), spec.Limits.MaxThreshold, 1, config.MostFailures)
	c.count(path.Child("minRequests"), spec.Limits.MinRequests, 1, config.MostRequests)
	c.metrics(path.Child("metrics"), spec.Limits.Metrics)
	c.most(path.Child("metrics"), len(spec.Limits.Metrics), mostRequired)
	for i, metric := range spec.Limits.Metrics {
		if ref := metric.TemplateRef; ref != nil && ref.Namespace == "" {
			c.errs = append(c.errs, field.Required(path.Child("metrics").Index(i).Child("templateRef", "namespace"),
				"name the namespace of the MetricTemplate: without it, each Deployment's namespace would bring its own"))
		}
	}
	if guard := spec.Limits.Guard; guard != nil {
		c.guardLimits(path.Child("guard"), *guard)
	}
	return append(errs, c.sorted()...)
}

// limit replaces what is laxer than the limits of a layer, and names the layer as its source.
func (l Layer) limit(spec *v1alpha1.PolicySpec, sources map[string]string) {
	if l.Limits == nil || spec.Analysis == nil {
		return
	}
	replaced := func(path string) { sources[path] = l.From + " (limits)" }
	analysis := spec.Analysis.DeepCopy()
	if least := l.Limits.MinInterval; least != nil {
		lengthen(analysis, *least, replaced)
	}
	if most := l.Limits.MaxThreshold; most != nil {
		if ptr.Deref(analysis.Threshold, *most+1) > *most {
			analysis.Threshold = most
			replaced("analysis.threshold")
		}
		capFailures(analysis.Metrics, *most, replaced)
	}
	if least := l.Limits.MinRequests; least != nil && ptr.Deref(analysis.MinRequests, 0) < *least {
		analysis.MinRequests = least
		replaced("analysis.minRequests")
	}
	keepGuard(*spec, analysis, *l.Limits, replaced)
	if guards(analysis) {
		limitGuard(analysis.Guard, *l.Limits, replaced)
	}
	for _, required := range l.Limits.Metrics {
		var changed bool
		if analysis.Metrics, changed = requiring(analysis.Metrics, required); changed {
			replaced("analysis.metrics[" + required.Name + "]")
		}
	}
	spec.Analysis = analysis
}

// capFailures lets a check that counts its own failures have no more than a threshold would allow it.
func capFailures(metrics []v1alpha1.Metric, most int32, replaced func(path string)) {
	for i := range metrics {
		m := &metrics[i]
		if (m.FailureLimit != nil || m.ConsecutiveLimit != nil) && ptr.Deref(m.FailureLimit, most+1) > most {
			m.FailureLimit = &most
			replaced("analysis.metrics[" + m.Name + "]")
		}
	}
}

// lengthen gives the interval and the steps at least a duration, and names the paths of those that were shorter.
func lengthen(analysis *v1alpha1.AnalysisSpec, least metav1.Duration, replaced func(path string)) {
	if analysis.Interval == nil || analysis.Interval.Duration < least.Duration {
		analysis.Interval = &least
		replaced("analysis.interval")
	}
	if lengthened(analysis.Steps, least) {
		replaced("analysis.steps")
	}
}

// lengthened gives steps at least a duration, and reports whether one was shorter.
func lengthened(steps []v1alpha1.StepSpec, least metav1.Duration) (changed bool) {
	for i, step := range steps {
		if step.Duration != nil && step.Duration.Duration < least.Duration {
			steps[i].Duration, changed = &least, true
		}
	}
	return changed
}

// requiring adds a check, or makes the check of that name as strict, and reports whether the list was laxer.
func requiring(metrics []v1alpha1.Metric, required v1alpha1.Metric) (with []v1alpha1.Metric, changed bool) {
	at := slices.IndexFunc(metrics, func(m v1alpha1.Metric) bool { return m.Name == required.Name })
	if at < 0 {
		return append(metrics, required), true
	}
	if !config.IsBuiltIn(required) || !config.IsBuiltIn(metrics[at]) {
		changed = !equality.Semantic.DeepEqual(metrics[at], required)
		metrics[at] = required
		return metrics, changed
	}
	limits, changed := stricter(metrics[at], required)
	if window := required.Interval; window != nil && (metrics[at].Interval == nil || metrics[at].Interval.Duration != window.Duration) {
		metrics[at].Interval, changed = window, true
	}
	judgement := stricterJudgement(metrics[at].MetricJudgement, required.MetricJudgement)
	if !equality.Semantic.DeepEqual(judgement, metrics[at].MetricJudgement) {
		metrics[at].MetricJudgement, changed = judgement, true
	}
	if changed {
		metrics[at].Threshold, metrics[at].ThresholdRange = nil, &limits
	}
	return metrics, changed
}

// stricter returns the range that both a built-in check and a required one allow, and reports whether the first allowed more.
func stricter(metric, required v1alpha1.Metric) (limits v1alpha1.ThresholdRange, changed bool) {
	least, most := rangeOf(metric)
	requiredLeast, requiredMost := rangeOf(required)
	if requiredLeast != nil && (least == nil || *least < *requiredLeast) {
		least, changed = requiredLeast, true
	}
	if requiredMost != nil && (most == nil || *most > *requiredMost) {
		most, changed = requiredMost, true
	}
	return v1alpha1.ThresholdRange{Min: least, Max: most}, changed
}

// stricterJudgement returns how a built-in check is judged that a policy of the cluster requires. What could make it laxer comes from
// the required one; a check may be critical, and it may be compared, where the required one is not.
func stricterJudgement(judgement, required v1alpha1.MetricJudgement) v1alpha1.MetricJudgement {
	judgement.FailureLimit, judgement.ConsecutiveLimit = required.FailureLimit, required.ConsecutiveLimit
	judgement.NoData, judgement.DryRun = required.NoData, required.DryRun
	if ptr.Deref(required.Critical, false) {
		judgement.Critical = required.Critical
	}
	if required.CompareTo != "" || required.Condition != "" {
		judgement.CompareTo, judgement.RatioRange, judgement.Condition = required.CompareTo, required.RatioRange, required.Condition
	}
	return judgement
}

// rangeOf is the range of a built-in check, which has a default.
func rangeOf(metric v1alpha1.Metric) (least, most *float64) {
	least, most = config.LimitsOf(metric)
	switch {
	case least != nil || most != nil:
		return least, most
	case metric.Name == v1alpha1.MetricSuccessRate:
		return ptr.To[float64](builtInSuccessRate), nil
	}
	return nil, ptr.To[float64](builtInDuration)
}
