package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterPolicySpec configures rollouts of any namespace.
type ClusterPolicySpec struct {
	PolicySpec `json:",inline"`

	// limits apply to every Deployment, regardless of its annotations and of the policy that it names. Only the policy named
	// default can have them.
	// +optional
	Limits *PolicyLimits `json:"limits,omitempty"`
}

// PolicyLimits are what no namespace can lower. A stricter value of a namespace stays, a laxer one is replaced by the limit.
type PolicyLimits struct {
	// minInterval is the shortest interval of an analysis, and the shortest duration of a step, at least 1s. A step that the guard may end
	// early lasts as long, too.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be a duration of at least 1s, such as 30s or 1m30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	MinInterval *metav1.Duration `json:"minInterval,omitempty"`
	// maxThreshold is the largest number of failed checks that a rollout may have before it is rolled back.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	MaxThreshold *int32 `json:"maxThreshold,omitempty"`
	// minRequests is the smallest number of requests that may make a check conclusive.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	MinRequests *int32 `json:"minRequests,omitempty"`
	// metrics are checks that every rollout has. A check of the same name is replaced; of a built-in check, the stricter
	// threshold stays, and the interval is replaced. Built-in checks count requests, so they do not apply with traffic: None; checks with a query do.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	Metrics []Metric `json:"metrics,omitempty"`
	// guard bounds what a policy says to the guard. With it, even empty, no policy turns the guard off: enabled: false has no effect,
	// except with traffic: None.
	// +optional
	Guard *GuardLimits `json:"guard,omitempty"`
}

// GuardLimits are how lax the guard of a policy may be.
type GuardLimits struct {
	// maxSLOErrorRate is the largest sloErrorRate, in percent.
	// +optional
	// +kubebuilder:validation:Minimum=0.01
	// +kubebuilder:validation:Maximum=50
	MaxSLOErrorRate *float64 `json:"maxSLOErrorRate,omitempty"`
	// minAlpha is the smallest alpha: the smaller it is, the more proof of harm a rollback needs.
	// +optional
	// +kubebuilder:validation:Minimum=0.000001
	// +kubebuilder:validation:Maximum=0.5
	MinAlpha *float64 `json:"minAlpha,omitempty"`
	// maxRho is the largest rho.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxRho *float64 `json:"maxRho,omitempty"`
	// needsProof promotes no version that the guard has not accepted: onInconclusive: promote becomes pause.
	// +optional
	NeedsProof *bool `json:"needsProof,omitempty"`
}
