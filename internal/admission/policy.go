package admission

import (
	"k8s.io/apimachinery/pkg/api/equality"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

// ValidatePolicy rejects the spec of a policy that could not be used, with everything that is wrong in it, and warns of
// values that are probably not what their author meant. A spec that is already stored may stay as it is; old is nil for a
// new policy.
func ValidatePolicy(old *v1alpha1.ClusterPolicySpec, name string, updated v1alpha1.ClusterPolicySpec) (warnings []string, err error) {
	if old != nil && len(policy.Differences(old.PolicySpec, updated.PolicySpec)) == 0 && equality.Semantic.DeepEqual(old.Limits, updated.Limits) {
		return nil, nil
	}
	if err := policy.ValidateCluster(name, updated).ToAggregate(); err != nil {
		return nil, err
	}
	for _, advice := range policy.AdmittedAdvice(updated.PolicySpec) {
		warnings = append(warnings, readable(name+": "+advice.String()))
	}
	return warnings, nil
}
