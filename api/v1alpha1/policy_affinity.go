package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SessionAffinity keeps users at one version with cookies.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",message="primaryCookieName must differ from cookieName"
type SessionAffinity struct {
	// cookieName is the cookie for users at the canary.
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	CookieName string `json:"cookieName"`
	// primaryCookieName is the cookie for users at the primary. Without it, each of their requests is split anew, so that
	// sooner or later every user reaches the canary.
	// +optional
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	PrimaryCookieName *string `json:"primaryCookieName,omitempty"`
	// maxAge is the lifetime of the canary's cookie in seconds. Default 86400.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=34560000
	MaxAge *int32 `json:"maxAge,omitempty"`
	// expireFor is how long after a rollout the route still expires its cookies, with a rule of its own. With 0s they last
	// until their maxAge; a later rollout ignores them. Default 30s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	ExpireFor *metav1.Duration `json:"expireFor,omitempty"`
	// domain is the Domain attribute of the cookies.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.-]*$`
	Domain *string `json:"domain,omitempty"`
	// path is the Path attribute of the cookies.
	// +optional
	// +kubebuilder:validation:Pattern=`^/[^;,\s"\\]*$`
	Path *string `json:"path,omitempty"`
	// httpOnly hides the cookies from scripts.
	// +optional
	HTTPOnly *bool `json:"httpOnly,omitempty"`
	// secure restricts the cookies to TLS.
	// +optional
	Secure *bool `json:"secure,omitempty"`
	// partitioned separates the cookies by top-level site.
	// +optional
	Partitioned *bool `json:"partitioned,omitempty"`
	// sameSite is the SameSite attribute of the cookies: Strict, Lax or None.
	// +optional
	// +kubebuilder:validation:Enum=Strict;Lax;None
	SameSite *string `json:"sameSite,omitempty"`
}
