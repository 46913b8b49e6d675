package policy

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Policies are the policies that apply to one Deployment; one that does not exist is nil.
type Policies struct {
	// Named is the CanaryPolicy of the namespace that the Deployment names, and ClusterNamed the ClusterCanaryPolicy.
	Named        *v1alpha1.CanaryPolicy
	ClusterNamed *v1alpha1.ClusterCanaryPolicy
	// Default is the ClusterCanaryPolicy for every Deployment.
	Default *v1alpha1.ClusterCanaryPolicy
}

// nameOf is the name of a policy in messages, such as CanaryPolicy/standard.
func nameOf(kind, name string) string { return kind + "/" + name }

// layers returns the policies, the highest first, and the name of the one that the Deployment refers to.
func (p Policies) layers() (layers []Layer, named string) {
	switch {
	case p.Named != nil:
		named = nameOf("CanaryPolicy", p.Named.Name)
		layers = append(layers, Layer{From: named, Spec: p.Named.Spec})
	case p.ClusterNamed != nil:
		named = nameOf("ClusterCanaryPolicy", p.ClusterNamed.Name)
		layers = append(layers, layerOf(*p.ClusterNamed))
	}
	if p.Default != nil && (len(layers) == 0 || named != nameOf("ClusterCanaryPolicy", p.Default.Name)) {
		layers = append(layers, layerOf(*p.Default))
	}
	return layers, named
}

// layerOf is the layer of a policy of the cluster.
func layerOf(policy v1alpha1.ClusterCanaryPolicy) Layer {
	return Layer{From: nameOf("ClusterCanaryPolicy", policy.Name), Spec: policy.Spec.PolicySpec, Limits: policy.Spec.Limits}
}

// Present is the effective policy of a Deployment, by its annotations and policies as they are now.
type Present struct {
	// Policy is the effective policy, parsed.
	// Status is the same policy as users see it; nil if there is a Problem.
	Policy config.Policy
	Status *v1alpha1.PolicyStatus
	// Problem says why no policy is in effect, and what to do; no rollout starts until it is solved.
	Problem string
}

// PresentOf returns the effective policy of a Deployment with these annotations.
func PresentOf(namespace string, annotations map[string]string, policies Policies) Present {
	settings, errs := SettingsOf(annotations)
	without := func(problem string) Present {
		defaults := Defaults()
		defaults.Group, defaults.IdentityLabels, defaults.MissedPolicies = settings.Group, settings.IdentityLabels, settings.MissedPolicies
		return Present{Policy: defaults, Problem: problem}
	}
	if err := errs.ToAggregate(); err != nil {
		return without(err.Error())
	}
	layers, named := policies.layers()
	if settings.Policy != "" && named == "" {
		return without(fmt.Sprintf("CanaryPolicy %s, which the annotation %s names, does not exist in namespace %s, and neither does a ClusterCanaryPolicy of that name: "+
			"create one, or correct the annotation", settings.Policy, config.AnnotationPolicy, namespace))
	}
	for _, layer := range layers {
		errs := ValidateCluster(v1alpha1.DefaultPolicyName, v1alpha1.ClusterPolicySpec{PolicySpec: layer.Spec, Limits: layer.Limits})
		if err := errs.ToAggregate(); err != nil {
			return without(fmt.Sprintf("%s is invalid: %v", layer.From, err))
		}
	}
	effective, errs := EffectiveOf(settings, layers...)
	if err := errs.ToAggregate(); err != nil {
		return without(fmt.Sprintf("%s: %v", unusable(settings, layers), err))
	}
	return Present{Policy: effective.Policy, Status: &v1alpha1.PolicyStatus{Name: named, Spec: Shown(effective.Spec), Sources: effective.Sources}}
}

// unusable names the sources of an invalid policy.
func unusable(settings Settings, layers []Layer) string {
	if len(layers) == 0 {
		return "the annotations are invalid"
	}
	var who []string
	if len(Values(settings.Spec)) > 0 {
		who = append(who, "annotations")
	}
	for _, layer := range layers {
		who = append(who, layer.From)
	}
	if len(who) == 1 {
		return fmt.Sprintf("%s is invalid", who[0])
	}
	return fmt.Sprintf("%s contradict each other; correct one of them", strings.Join(who, " and "))
}
