package admission

import (
	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

// ValidatePolicy rejects the spec of a policy that could not be used, with everything that is wrong in it, and warns of
// values that are probably not what their author meant. A spec that is already stored may stay as it is; old is nil for a
// new policy.
func ValidatePolicy(old *v1alpha1.PolicySpec, name string, updated v1alpha1.PolicySpec) (warnings []string, err error) {
	if old != nil && len(policy.Differences(*old, updated)) == 0 {
		return nil, nil
	}
	if err := policy.Validate(updated).ToAggregate(); err != nil {
		return nil, err
	}
	for _, advice := range policy.AdviceOf(updated) {
		warnings = append(warnings, readable(name+": "+advice.String()))
	}
	return warnings, nil
}
