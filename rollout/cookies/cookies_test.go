package cookies

import (
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// TestEachFieldIsInTheCookie sets one field after the other.
func TestEachFieldIsInTheCookie(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*v1alpha1.SessionAffinity)
		want string
	}{
		"maxAge":   {func(a *v1alpha1.SessionAffinity) { a.MaxAge = ptr.To(int32(3600)) }, "Max-Age=3600"},
		"path":     {func(a *v1alpha1.SessionAffinity) { a.Path = ptr.To("/shop") }, "Max-Age=60; Path=/shop"},
		"domain":   {func(a *v1alpha1.SessionAffinity) { a.Domain = ptr.To("example.com") }, "Max-Age=60; Domain=example.com"},
		"sameSite": {func(a *v1alpha1.SessionAffinity) { a.SameSite = ptr.To("Lax") }, "Max-Age=60; SameSite=Lax"},
		"httpOnly": {func(a *v1alpha1.SessionAffinity) { a.HTTPOnly = ptr.To(true) }, "Max-Age=60; HttpOnly"},
		"secure":   {func(a *v1alpha1.SessionAffinity) { a.Secure = ptr.To(true) }, "Max-Age=60; Secure"},
		// Browsers drop these without Secure.
		"partitioned":                 {func(a *v1alpha1.SessionAffinity) { a.Partitioned = ptr.To(true) }, "Max-Age=60; Secure; Partitioned"},
		"a cookie for all sites":      {func(a *v1alpha1.SessionAffinity) { a.SameSite = ptr.To("None") }, "Max-Age=60; SameSite=None; Secure"},
		"what would end an attribute": {func(a *v1alpha1.SessionAffinity) { a.Path = ptr.To("/a; HttpOnly") }, "Max-Age=60; Path=/aHttpOnly"},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := &v1alpha1.SessionAffinity{CookieName: "version", MaxAge: ptr.To(int32(60))}
			c.set(wanted)
			made := New(config.Policy{SessionAffinity: wanted}, nil, "7c9e41d2", "abc", nil)
			if want := (v1alpha1.Cookie{Name: "version", Value: "7c9e41d2-abc", Attributes: c.want}); made.Canary != want || made.Primary != nil {
				t.Errorf("got %+v and %+v, not %+v", made.Canary, made.Primary, want)
			}
		})
	}
}

// TestAUserIsKeptAtThePrimaryForTheWholeRollout sets the name of the primary's cookie.
func TestAUserIsKeptAtThePrimaryForTheWholeRollout(t *testing.T) {
	wanted := &v1alpha1.SessionAffinity{CookieName: "version", PrimaryCookieName: ptr.To("old-version"), MaxAge: ptr.To(int32(60)), Path: ptr.To("/")}
	made := New(config.Policy{SessionAffinity: wanted, ProgressDeadline: 10 * time.Minute}, nil, "7c9e41d2", "abc", nil)
	if made.Primary == nil || made.Primary.Name != "old-version" || !strings.HasPrefix(made.Primary.Value, "primary-") || made.Primary.Attributes != "Max-Age=600; Path=/" {
		t.Errorf("got %+v", made.Primary)
	}
}
