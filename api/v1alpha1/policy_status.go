package v1alpha1

// PolicyStatus is the effective policy of a Deployment and the sources of its values.
type PolicyStatus struct {
	// name is the policy that the Deployment names, as CanaryPolicy/standard or ClusterCanaryPolicy/standard. Empty if it
	// names none.
	// +optional
	Name string `json:"name,omitempty"`
	// spec is the effective policy, merged from annotations, policies and built-in defaults. A running rollout keeps the
	// policy with which it started. URLs of webhooks are reduced to scheme and host and their metadata is left out, because
	// both can be secret; they are read from the policy each time.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Spec PolicySpec `json:"spec,omitempty"`
	// sources name where each value of spec comes from.
	// +optional
	// +listType=map
	// +listMapKey=field
	Sources []PolicySource `json:"sources,omitempty"`
	// changed says in one sentence what has changed since the running rollout started and will apply to the next one. Empty if
	// nothing has.
	// +optional
	Changed string `json:"changed,omitempty"`
}

// PolicySource is where a value comes from.
type PolicySource struct {
	// field is the path of the value in the policy, such as analysis.interval.
	Field string `json:"field"`
	// from is the annotation, the policy, or built-in.
	From string `json:"from"`
}
