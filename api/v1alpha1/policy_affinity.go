package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SessionAffinity keeps users on one version with cookies.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",message="primaryCookieName must differ from cookieName"
type SessionAffinity struct {
	// cookieName is the name of the cookie that keeps users on the canary.
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	CookieName string `json:"cookieName"`
	// primaryCookieName is the name of the cookie that keeps users on the primary. Without it, each request of a user on the
	// primary is split again, so that sooner or later every user reaches the canary.
	// +optional
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	PrimaryCookieName *string `json:"primaryCookieName,omitempty"`
	// maxAge is the lifetime of the canary's cookie in seconds. Default 86400.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=34560000
	MaxAge *int32 `json:"maxAge,omitempty"`
	// expireFor is how long the route removes the cookies from browsers after a rollout, with a separate rule. With 0s, cookies
	// last until their maxAge, and later rollouts ignore them. Default 30s.
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
	// httpOnly is the HttpOnly attribute of the cookies: scripts cannot read them.
	// +optional
	HTTPOnly *bool `json:"httpOnly,omitempty"`
	// secure is the Secure attribute of the cookies: browsers send them only over TLS.
	// +optional
	Secure *bool `json:"secure,omitempty"`
	// partitioned is the Partitioned attribute of the cookies: browsers keep them separate for each top-level site.
	// +optional
	Partitioned *bool `json:"partitioned,omitempty"`
	// sameSite is the SameSite attribute of the cookies: Strict, Lax or None.
	// +optional
	// +kubebuilder:validation:Enum=Strict;Lax;None
	SameSite *string `json:"sameSite,omitempty"`
}
