package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AlertProvider is a destination of alerts. This release stores it but sends no alerts.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=all
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AlertProvider struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the destination.
	Spec AlertProviderSpec `json:"spec"`
}

// AlertProviderList is a list of AlertProviders.
//
// +kubebuilder:object:root=true
type AlertProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the providers.
	Items []AlertProvider `json:"items"`
}

// AlertProviderSpec is a destination of alerts.
//
// +kubebuilder:validation:XValidation:rule="has(self.address) != has(self.secretRef)",message="must have either address or secretRef"
type AlertProviderSpec struct {
	// type is the chat service: slack, msteams, discord, rocket or gchat.
	// +kubebuilder:validation:Enum=slack;msteams;discord;rocket;gchat
	Type string `json:"type"`
	// channel is the channel to which alerts are posted.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Channel string `json:"channel,omitempty"`
	// username is the name under which alerts are posted.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Username string `json:"username,omitempty"`
	// address is the URL to which alerts are posted.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Address string `json:"address,omitempty"`
	// proxy is the URL of a proxy for requests to the address.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Proxy string `json:"proxy,omitempty"`
	// secretRef names a Secret in the namespace of the AlertProvider, with the key address and optionally the key token.
	// +optional
	SecretRef *LocalObjectRef `json:"secretRef,omitempty"`
}
