package config

import "sluice.dev/sluice/api/v1alpha1"

// HookTypes are all types of hooks, in the order in which errors list them.
var HookTypes = []v1alpha1.HookType{
	v1alpha1.HookRollout, v1alpha1.HookConfirmRollout, v1alpha1.HookPreRollout, v1alpha1.HookConfirmTrafficIncrease,
	v1alpha1.HookConfirmPromotion, v1alpha1.HookPostRollout, v1alpha1.HookRollback, v1alpha1.HookEvent,
}
