package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/freeze"
	"sluice.dev/sluice/internal/plugin/manifest"
)

var sluiceGroup = v1alpha1.GroupVersion.Group

// own checks an object of Sluice: fields, types and the rules of admission.
func (l *linter) own(object manifest.Object) {
	scheme := runtime.NewScheme()
	// Without our types, every kind would be reported as unknown.
	_ = v1alpha1.AddToScheme(scheme)
	version, _ := object.Content["apiVersion"].(string)
	typed, err := scheme.New(v1alpha1.GroupVersion.WithKind(object.Kind()))
	switch {
	case version != v1alpha1.GroupVersion.String():
		l.find(object, Error, "apiVersion", "must be "+v1alpha1.GroupVersion.String())
		return
	case err != nil:
		kinds := slices.Sorted(maps.Keys(scheme.KnownTypes(v1alpha1.GroupVersion)))
		l.find(object, Error, "kind", fmt.Sprintf("%s has no kind %s%s", version, object.Kind(), config.Nearest(object.Kind(), kinds)))
		return
	}
	errs := manifest.Decode(object.Content, typed)
	if spec, is := policySpec(typed); is {
		errs = append(errs, policy.ValidateCluster(object.Name(), spec)...)
		l.advise(object, spec.PolicySpec)
	}
	if template, is := typed.(*v1alpha1.MetricTemplate); is {
		l.adviseQuery(object, "spec.query", template.Spec.Query)
	}
	if object.Name() == "" {
		errs = append(errs, field.Required(field.NewPath("metadata", "name"), "give it a name"))
	}
	l.wrong(object, errs)
	if window, is := typed.(*v1alpha1.Freeze); is && len(errs) == 0 {
		l.freeze(object, window)
	}
}

// advise warns of valid values that have no effect or are probably not meant.
func (l *linter) advise(object manifest.Object, spec v1alpha1.PolicySpec) {
	for _, advice := range policy.AdviceOf(spec) {
		l.find(object, Warning, advice.Field, advice.Message)
	}
	if spec.Analysis == nil {
		return
	}
	for i, metric := range spec.Analysis.Metrics {
		l.adviseQuery(object, fmt.Sprintf("spec.analysis.metrics[%d].query", i), metric.Query)
	}
}

func (l *linter) adviseQuery(object manifest.Object, path, query string) {
	if message := analysis.Advice(query); message != "" {
		l.find(object, Warning, path, message)
	}
}

// freeze checks when a Freeze is in force; the error of WindowOf begins with the path of the field.
func (l *linter) freeze(object manifest.Object, window *v1alpha1.Freeze) {
	if _, err := freeze.WindowOf(window, l.now); err != nil {
		path, message, _ := strings.Cut(err.Error(), ": ")
		l.find(object, Error, path, message)
	}
}

// policySpec returns the spec of a policy. A CanaryPolicy is one without limits.
func policySpec(object runtime.Object) (v1alpha1.ClusterPolicySpec, bool) {
	switch policy := object.(type) {
	case *v1alpha1.CanaryPolicy:
		return v1alpha1.ClusterPolicySpec{PolicySpec: policy.Spec}, true
	case *v1alpha1.ClusterCanaryPolicy:
		return policy.Spec, true
	}
	return v1alpha1.ClusterPolicySpec{}, false
}

// policiesOf finds the policies for a Deployment that names one.
func (l *linter) policiesOf(namespace, name string) policy.Policies {
	var found policy.Policies
	for _, object := range l.objects {
		if object.Group() != sluiceGroup {
			continue
		}
		switch {
		case object.Kind() == "CanaryPolicy" && object.Name() == name && object.Namespace() == namespace:
			found.Named = read(object, &v1alpha1.CanaryPolicy{})
		case object.Kind() == "ClusterCanaryPolicy" && object.Name() == name:
			found.ClusterNamed = read(object, &v1alpha1.ClusterCanaryPolicy{})
		}
		if object.Kind() == "ClusterCanaryPolicy" && object.Name() == v1alpha1.DefaultPolicyName {
			found.Default = read(object, &v1alpha1.ClusterCanaryPolicy{})
		}
	}
	return found
}

// read decodes a policy; its errors are found when the policy itself is checked.
func read[T any](object manifest.Object, into *T) *T {
	_ = manifest.Decode(object.Content, into)
	return into
}
