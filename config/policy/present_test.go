package policy

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
	return &v1alpha1.ClusterCanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterPolicySpec{PolicySpec: spec}}
}

func TestPresentOf(t *testing.T) {
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
			policies: Policies{Named: inNamespace("standard", broken)}, problem: "CanaryPolicy/standard is invalid: spec.analysis.threshold"},
		"so is a default one": {interval: 30 * time.Second, policies: Policies{Default: ofCluster("default", broken)}, problem: "ClusterCanaryPolicy/default is invalid"},
		"what does not go together is a problem that names the source": {annotations: map[string]string{config.AnnotationMirrorWeight: "10"}, interval: 30 * time.Second,
			problem: "the annotations are invalid: spec.analysis.mirrorWeight: Invalid value: 10: mirrorWeight needs mirror: true (set by annotation sluice.dev/mirror-weight)"},
		"a policy alone that has no step is a problem of that policy": {annotations: standard, interval: 30 * time.Second,
			policies: Policies{Named: inNamespace("standard", noStep)}, problem: "CanaryPolicy/standard is invalid: spec.analysis.stepWeight"},
		"an annotation and a policy that do not go together are both named": {interval: 30 * time.Second,
			annotations: map[string]string{config.AnnotationPolicy: "standard", config.AnnotationThreshold: "3"},
			policies:    Policies{Named: inNamespace("standard", noStep)}, problem: "annotations and CanaryPolicy/standard contradict each other; correct one of them: spec.analysis.stepWeight"},
		"an annotation that cannot be read is a problem": {annotations: map[string]string{config.AnnotationInterval: "soon"}, interval: 30 * time.Second,
			problem: "metadata.annotations[sluice.dev/interval]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := PresentOf("demo", c.annotations, c.policies)
			if got.Policy.Interval != c.interval || !strings.Contains(got.Problem, c.problem) || (got.Problem == "") != (c.problem == "") {
				t.Errorf("got an interval of %s, problem %q", got.Policy.Interval, got.Problem)
			}
			if (got.Status == nil) != (c.problem != "") || got.Status != nil && got.Status.Name != c.named {
				t.Errorf("got status %+v", got.Status)
			}
		})
	}
}
