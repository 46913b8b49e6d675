package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Guard configures the guard, which compares the errors and latencies of the canary with those of the primary by sequential tests.
// Without metrics in the policy, the guard alone judges: no threshold is checked.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minDwell) || !has(self.maxDwell) || duration(self.minDwell) <= duration(self.maxDwell)",fieldPath=".minDwell",message="minDwell: must not be longer than maxDwell"
type Guard struct {
	// enabled lets the guard judge. Default true. With traffic: None there are no requests to judge, so it is false there unless a metric
	// has bad and total. With false, the steps are those of stepWeight 10 and maxWeight 50 and the checks are the built-in ones, unless
	// others are set.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
	// baseline is what the canary is compared with. primary: the primary's pods, which are older, warmer and more. fresh: a control, pods
	// of the primary's template that start with the canary, as many as the canary has, and get as many requests. The primary then keeps
	// only the rest, so no weight may be above 50. Default primary.
	// +optional
	// +kubebuilder:validation:Enum=primary;fresh
	Baseline *string `json:"baseline,omitempty"`
	// sloErrorRate is the percentage of failed requests that a healthy version keeps below. Default 1.
	// +optional
	// +kubebuilder:validation:Minimum=0.01
	// +kubebuilder:validation:Maximum=50
	SLOErrorRate *float64 `json:"sloErrorRate,omitempty"`
	// alpha is the chance that the rollout of a healthy version is rolled back, over all its steps and metrics. Default 0.01.
	// +optional
	// +kubebuilder:validation:Minimum=0.000001
	// +kubebuilder:validation:Maximum=0.5
	Alpha *float64 `json:"alpha,omitempty"`
	// rho is how many times the primary's rate of errors or slow requests the canary's may be. Default 1.25.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Rho *float64 `json:"rho,omitempty"`
	// latency compares latencies, too, if the metrics have histograms of them. Default true.
	// +optional
	Latency *bool `json:"latency,omitempty"`
	// onInconclusive is what follows a last step that has proven neither harm nor health: promote, pause or rollback. Default
	// pause: no data has shown that the version is healthy, so a person decides.
	// +optional
	// +kubebuilder:validation:Enum=promote;pause;rollback
	OnInconclusive *string `json:"onInconclusive,omitempty"`
	// onSuspicious is what follows once the data has favored harm for 15 minutes in a row without proving it: pause or rollback. With
	// less than half of the evidence, by its logarithm, it always pauses. Default
	// rollback: requests fail while nobody decides.
	// +optional
	// +kubebuilder:validation:Enum=pause;rollback
	OnSuspicious *string `json:"onSuspicious,omitempty"`
	// minDwell is the least time in a step that may end early. At least 1s. Default 15s, or maxDwell if that is shorter.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be a duration of at least 1s, such as 30s or 1m30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	MinDwell *metav1.Duration `json:"minDwell,omitempty"`
	// maxDwell is how long a step of ladder: auto lasts that proves neither harm nor health. At least 1s. Default 1m, or minDwell if
	// that is longer.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be a duration of at least 1s, such as 30s or 1m30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	MaxDwell *metav1.Duration `json:"maxDwell,omitempty"`
	// earlyAdvance ends a step as soon as the canary is proven healthy enough for the next one. Default true with ladder: auto, false
	// with steps of your own.
	// +optional
	EarlyAdvance *bool `json:"earlyAdvance,omitempty"`
}
