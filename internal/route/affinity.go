package route

import (
	"fmt"
	"regexp"
	"strings"

	"sluice.dev/sluice/config"
)

// String returns the value of Set-Cookie.
func (c Cookie) String() string {
	parts := []string{c.Name + "=" + c.Value}
	if c.Attributes != "" {
		parts = append(parts, c.Attributes)
	}
	return strings.Join(parts, "; ")
}

// expiring returns the value of Set-Cookie that removes the cookie. It keeps the attributes that identify the cookie.
func (c Cookie) expiring() string {
	parts := []string{c.Name + "=" + c.Value}
	for attribute := range strings.SplitSeq(c.Attributes, ";") {
		attribute = strings.TrimSpace(attribute)
		name, _, _ := strings.Cut(strings.ToLower(attribute), "=")
		if name := strings.TrimSpace(name); name != "" && name != "max-age" && name != "expires" {
			parts = append(parts, attribute)
		}
	}
	return strings.Join(append(parts, "Max-Age=0"), "; ")
}

// match returns the condition that a request carries exactly this cookie, not one whose name or value only contains it.
func (c Cookie) match() Match {
	value := regexp.QuoteMeta(c.Value)
	if c.Value == "" {
		value = inCookie
	}
	return Match{Headers: []ValueMatch{{Name: "Cookie", Type: typeRegularExpression, Value: cookiePattern(c.Name, value)}}}
}

// affinity returns nil if the split has none, and for GRPCRoutes, whose clients keep no cookies.
func (b builder) affinity(split Split) *Affinity {
	if b.route.Kind == GRPC {
		return nil
	}
	return split.Affinity
}

// cookies makes a pair of references set their cookies.
func (b builder) cookies(split Split, primary, canary map[string]any) error {
	affinity := b.affinity(split)
	if affinity == nil {
		return nil
	}
	err := addCookie(canary, affinity.Cookie.String())
	if err == nil && affinity.Primary != nil {
		err = addCookie(primary, affinity.Primary.String())
	}
	if err != nil {
		return fmt.Errorf("spec.rules[%d].backendRefs: %w", b.index, err)
	}
	return nil
}

// uncookie removes the primary's cookie from its reference.
func (s Split) uncookie(ref map[string]any) {
	if s.Affinity != nil && s.Affinity.Primary != nil {
		removeCookie(ref, s.Affinity.Primary.String())
	}
}

// keepsAtCanary reports whether the canary's cookie counts: only while other users reach the canary, by weight or as testers.
func (s Split) keepsAtCanary() bool {
	return s.Weight > 0 || len(s.Match) > 0
}

// OnlyTakesBack reports whether a split only removes cookies, because its rollout has ended.
func (s Split) OnlyTakesBack() bool {
	return s.Affinity != nil && !s.keepsAtCanary()
}

// cookieRules returns the rules that keep users where their cookie says. They keep users on the canary only while it has a
// weight or testers, and on the primary only while it has a weight: otherwise the primary may be about to lose its pods. Other
// backends of the rule keep their share.
func (b builder) cookieRules(split Split) ([]map[string]any, error) {
	affinity := b.affinity(split)
	if affinity == nil || !b.served(split) {
		return nil, nil
	}
	var rules []map[string]any
	add := func(rule string, cookie Cookie, refs []any) error {
		made, err := b.ruleFor(rule, []Match{cookie.match()}, refs)
		rules = append(rules, made...)
		return err
	}
	if split.keepsAtCanary() {
		if err := add("canary", affinity.Cookie, b.canaryRefs(split)); err != nil {
			return nil, err
		}
	}
	if split.Weight == config.FullWeight {
		return rules, nil
	}
	if affinity.Primary != nil {
		if err := add("primary", *affinity.Primary, listOf(b.rule, "backendRefs")); err != nil {
			return nil, err
		}
	}
	removing, err := b.expiredRules(affinity.Expired)
	return append(rules, removing...), err
}

// expiredRules returns the rules whose answers remove the cookies of earlier rollouts.
func (b builder) expiredRules(cookies []Cookie) ([]map[string]any, error) {
	var rules []map[string]any
	for i, cookie := range cookies {
		made, err := b.ruleFor(fmt.Sprintf("expired-%d", i), []Match{cookie.match()}, listOf(b.rule, "backendRefs"))
		if err != nil {
			return nil, err
		}
		for _, rule := range made {
			if err := addCookie(rule, cookie.expiring()); err != nil {
				return nil, fmt.Errorf("spec.rules[%d].filters: %w", b.index, err)
			}
		}
		rules = append(rules, made...)
	}
	return rules, nil
}
