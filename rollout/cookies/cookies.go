package cookies

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/strategy"
)

// New makes the cookies of a rollout. The candidate and the nonce make their values unique, so that cookies of other
// rollouts mean nothing. The cookies of the candidate that this one replaces are taken back.
func New(policy config.Policy, steps []strategy.Step, candidate, nonce string, replaced *v1alpha1.SessionAffinityStatus) *v1alpha1.SessionAffinityStatus {
	wanted := policy.SessionAffinity
	if wanted == nil || strategy.WithoutTraffic(policy) {
		return nil
	}
	maxAge := time.Duration(*wanted.MaxAge) * time.Second
	made := &v1alpha1.SessionAffinityStatus{
		Canary: v1alpha1.Cookie{Name: wanted.CookieName, Value: candidate + "-" + nonce, Attributes: attributes(wanted, maxAge)},
	}
	if name := ptr.Deref(wanted.PrimaryCookieName, ""); name != "" {
		made.Primary = &v1alpha1.Cookie{Name: name, Value: "primary-" + nonce, Attributes: attributes(wanted, max(maxAge, lasting(policy, steps)))}
	}
	if replaced != nil {
		made.Expired = Expired(replaced)
	}
	return made
}

// lasting is how long a rollout can take without a pause. A user kept at the primary must not move to the canary in the
// middle of it.
func lasting(policy config.Policy, steps []strategy.Step) time.Duration {
	total := policy.Delay + policy.ProgressDeadline
	for _, step := range steps {
		total += step.Duration.Duration + policy.ProgressDeadline
	}
	return total
}

// attributes are the attributes of a cookie in a fixed order. Characters that would end an attribute are left out of its
// value. Browsers accept SameSite=None and Partitioned only with Secure.
func attributes(wanted *v1alpha1.SessionAffinity, maxAge time.Duration) string {
	parts := []string{fmt.Sprintf("Max-Age=%d", int64(maxAge.Seconds()))}
	for _, attribute := range []struct {
		name  string
		value *string
	}{{"Path", wanted.Path}, {"Domain", wanted.Domain}, {"SameSite", wanted.SameSite}} {
		if value := plainText(ptr.Deref(attribute.value, "")); value != "" {
			parts = append(parts, attribute.name+"="+value)
		}
	}
	partitioned := ptr.Deref(wanted.Partitioned, false)
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"HttpOnly", ptr.Deref(wanted.HTTPOnly, false)},
		{"Secure", ptr.Deref(wanted.Secure, false) || partitioned || ptr.Deref(wanted.SameSite, "") == "None"},
		{"Partitioned", partitioned},
	} {
		if flag.set {
			parts = append(parts, flag.name)
		}
	}
	return strings.Join(parts, "; ")
}

// plainText removes the characters that an attribute's value must not contain.
func plainText(value string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`;,"\`, r) {
			return -1
		}
		return r
	}, value)
}

// Expired returns the cookies of a rollout in the form that takes them back at any value, each name once.
func Expired(affinity *v1alpha1.SessionAffinityStatus) []v1alpha1.Cookie {
	all := []v1alpha1.Cookie{affinity.Canary}
	if affinity.Primary != nil {
		all = append(all, *affinity.Primary)
	}
	var once []v1alpha1.Cookie
	for _, cookie := range append(all, affinity.Expired...) {
		if !slices.ContainsFunc(once, func(c v1alpha1.Cookie) bool { return c.Name == cookie.Name }) {
			cookie.Value = ""
			once = append(once, cookie)
		}
	}
	return once
}

// Affinity is the part of a split that sets and expires these cookies.
func Affinity(status *v1alpha1.SessionAffinityStatus) *route.Affinity {
	if status == nil {
		return nil
	}
	affinity := &route.Affinity{Cookie: route.Cookie(status.Canary)}
	if status.Primary != nil {
		primary := route.Cookie(*status.Primary)
		affinity.Primary = &primary
	}
	for _, cookie := range status.Expired {
		affinity.Expired = append(affinity.Expired, route.Cookie(cookie))
	}
	return affinity
}
