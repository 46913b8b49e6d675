package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SessionAffinity keeps users at a version by cookies.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",message="primaryCookieName must differ from cookieName"
type SessionAffinity struct {
	// cookieName is the name of the cookie of users at the canary.
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	CookieName string `json:"cookieName"`
	// primaryCookieName is the name of the cookie of users at the primary. Without it those users are shared anew with each
	// request, so that sooner or later all come to the canary.
	// +optional
	// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
	PrimaryCookieName *string `json:"primaryCookieName,omitempty"`
	// maxAge of the canary's cookie in seconds. Default 86400.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=34560000
	MaxAge *int32 `json:"maxAge,omitempty"`
	// expireFor is how long after a rollout its cookies are still taken back from users who send them; the route carries a
	// rule for that so long. 0s leaves them to their maxAge: they mean nothing to a later rollout. Default 30s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=20
	ExpireFor *metav1.Duration `json:"expireFor,omitempty"`
	// domain of the cookies.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.-]*$`
	Domain *string `json:"domain,omitempty"`
	// path of the cookies.
	// +optional
	// +kubebuilder:validation:Pattern=`^/[^;,\s"\\]*$`
	Path *string `json:"path,omitempty"`
	// httpOnly hides the cookies from scripts.
	// +optional
	HTTPOnly *bool `json:"httpOnly,omitempty"`
	// secure sends the cookies over TLS only.
	// +optional
	Secure *bool `json:"secure,omitempty"`
	// partitioned keeps the cookies apart for each top-level site.
	// +optional
	Partitioned *bool `json:"partitioned,omitempty"`
	// sameSite is Strict, Lax or None.
	// +optional
	// +kubebuilder:validation:Enum=Strict;Lax;None
	SameSite *string `json:"sameSite,omitempty"`
}
