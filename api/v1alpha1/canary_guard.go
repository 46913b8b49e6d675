package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GuardStatus is what the guard knows of a rollout.
type GuardStatus struct {
	// counters are the last samples of the counters of both versions, from which the next poll continues. For Sluice only.
	// +optional
	// +kubebuilder:validation:MaxLength=12288
	Counters string `json:"counters,omitempty"`
	// evidence is the state of the tests. For Sluice only.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Evidence string `json:"evidence,omitempty"`
	// polled is when the counters were last read with new samples of both versions.
	// +optional
	Polled *metav1.MicroTime `json:"polled,omitempty"`
}
