package policy

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Changed is the policy of a Deployment if some of its effective values were others. The limits of the cluster hold for these, too. The
// effective policy is that of PresentOf for the same policies; hooks are left out, because their URLs are not shown. The errors say which
// value cannot be.
func (p Policies) Changed(effective v1alpha1.PolicySpec, change func(*v1alpha1.AnalysisSpec)) (config.Policy, field.ErrorList) {
	spec := *effective.DeepCopy()
	if spec.Analysis == nil {
		spec.Analysis = &v1alpha1.AnalysisSpec{}
	}
	spec.Analysis.Webhooks = nil
	change(spec.Analysis)
	layers, _ := p.layers()
	for _, layer := range layers {
		layer.limit(&spec, map[string]string{})
	}
	return Parse(spec)
}
