package v1alpha1

// PolicyStatus is the policy that is in force for a Deployment, and where it comes from.
type PolicyStatus struct {
	// name of the policy that the Deployment names, as CanaryPolicy/standard or ClusterCanaryPolicy/standard; empty when it
	// names none.
	// +optional
	Name string `json:"name,omitempty"`
	// spec is the effective policy: what annotations, policies and built-in values make together. A running rollout keeps the
	// one that it began with. Of the URLs of webhooks there are scheme and host, and their metadata is left out: both can be
	// secret, and are read from the policy each time.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Spec PolicySpec `json:"spec,omitempty"`
	// sources say where each value of spec comes from.
	// +optional
	// +listType=map
	// +listMapKey=field
	Sources []PolicySource `json:"sources,omitempty"`
	// changed says in one sentence what has changed since the running rollout began, and that the next one takes it; empty
	// when nothing has.
	// +optional
	Changed string `json:"changed,omitempty"`
}

// PolicySource says where a value comes from.
type PolicySource struct {
	// field is the path of the value in the policy, such as analysis.interval.
	Field string `json:"field"`
	// from is the annotation, the policy, or built-in.
	From string `json:"from"`
}
