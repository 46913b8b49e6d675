package v1alpha1

// PolicyStatus is the effective policy of a Deployment, and the sources of its values.
type PolicyStatus struct {
	// name is the policy that the Deployment names, such as CanaryPolicy/standard or ClusterCanaryPolicy/standard. Empty if it
	// names none.
	// +optional
	Name string `json:"name,omitempty"`
	// spec is the effective policy, merged from annotations, policies and built-in defaults. A rollout in flight keeps the
	// policy with which it started. Webhooks have no metadata here, and only the scheme and host of their URLs, because both
	// can contain secrets. A rollout reads them from the policy each time.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Spec PolicySpec `json:"spec,omitempty"`
	// sources lists the source of each value in spec.
	// +optional
	// +listType=map
	// +listMapKey=field
	Sources []PolicySource `json:"sources,omitempty"`
	// changed describes in one sentence what has changed since the rollout in flight started, and applies to the next one.
	// Empty if nothing has changed.
	// +optional
	Changed string `json:"changed,omitempty"`
}

// PolicySource is the source of a value.
type PolicySource struct {
	// field is the path of the value in the policy, such as analysis.interval.
	Field string `json:"field"`
	// from is the annotation, the policy, or built-in.
	From string `json:"from"`
}
