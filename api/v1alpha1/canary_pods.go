package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PodsStatus is what has gone wrong with the pods of both versions in the same time.
type PodsStatus struct {
	// canary counts what the pods of the canary show.
	// +optional
	Canary PodTroubles `json:"canary,omitzero"`
	// primary counts what those of the primary show.
	// +optional
	Primary PodTroubles `json:"primary,omitzero"`
}

// PodTroubles counts what has gone wrong with the pods of one version. What happens in the first minute of a pod does not count.
type PodTroubles struct {
	// restarts is how often a pod ended a container, which the kubelet then starts again.
	// +optional
	Restarts int32 `json:"restarts,omitempty"`
	// outOfMemory is how many of the restarts are those of containers that reached their memory limit.
	// +optional
	OutOfMemory int32 `json:"outOfMemory,omitempty"`
	// unready is how often a pod lost its readiness while its containers went on.
	// +optional
	Unready int32 `json:"unready,omitempty"`
	// counted is the time of the newest of these by the clock of its node. What is not newer is not counted again.
	// +optional
	Counted *metav1.MicroTime `json:"counted,omitempty"`
}

// Sum is how often anything has gone wrong.
func (p PodTroubles) Sum() int32 { return p.Restarts + p.Unready }
