package route

import (
	"fmt"
	"slices"
)

// added returns the rules that go before the user's rule. Each is a copy of the user's rule that asks for more, so that by
// the precedence of the Gateway API (path, method, number of headers, number of query parameters) it wins wherever the user's
// rule would have won, and no other rule of the user loses to it. Where two ask for as much, the first wins: marked requests,
// then testers, then the canary's cookie, then the primary's, then expired ones.
func (b builder) added(weighted map[string]any) ([]map[string]any, error) {
	rules, err := b.cohortRules(weighted)
	if err != nil {
		return nil, err
	}
	for _, split := range b.splits() {
		for _, make := range []func(Split) ([]map[string]any, error){b.matchRules, b.cookieRules} {
			more, err := make(split)
			if err != nil {
				return nil, err
			}
			rules = append(rules, more...)
		}
	}
	return rules, nil
}

// cohortRules returns the rules that send marked requests to their cohort's Service.
func (b builder) cohortRules(weighted map[string]any) ([]map[string]any, error) {
	var rules []map[string]any
	for n, cohort := range b.intents.Cohorts {
		refs, found, err := b.cohortRefs(cohort, weighted)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		mark := Match{Headers: []ValueMatch{{Name: cohort.Header, Type: typeExact, Value: cohort.Value}}}
		made, err := b.ruleFor(fmt.Sprintf("cohort-%d", n), []Match{mark}, refs)
		if err != nil {
			return nil, err
		}
		rules = append(rules, made...)
	}
	return rules, nil
}

// cohortRefs returns the references of a rule with the cohort's Service in place of its primary. This also holds while that
// primary is being split, so that a chain of canaries stays together.
func (b builder) cohortRefs(cohort Cohort, weighted map[string]any) (refs []any, found bool, err error) {
	rule, splits := weighted, b.splits()
	at := slices.IndexFunc(splits, func(s Split) bool { return s.Primary == cohort.Primary })
	if at >= 0 {
		if rule, err = b.weighted(slices.Delete(slices.Clone(splits), at, at+1)); err != nil {
			return nil, false, err
		}
	}
	for _, item := range listOf(rule, "backendRefs") {
		ref := asMap(item)
		if !b.isPrimaryOf(ref, cohort) {
			refs = append(refs, item)
			continue
		}
		found = true
		to := copied(ref)
		to["name"] = cohort.To
		if at >= 0 && splits[at].Canary == cohort.To {
			to = splits[at].canaryRef(ref)
		}
		refs = append(refs, to)
	}
	return refs, found, nil
}

// isPrimaryOf reports whether a reference names the cohort's primary: a Service of the route's namespace or of the marking
// Deployment's.
func (b builder) isPrimaryOf(ref map[string]any, cohort Cohort) bool {
	is := backendOf(ref, b.route.Namespace)
	return ref != nil && is.kind == "Service" && is.group == "" && is.name == cohort.Primary &&
		(is.namespace == b.route.Namespace || is.namespace == cohort.namespaceIn(b.route.Namespace))
}

// matchRules returns the rules that send testers to the canary regardless of its weight, as far as the user's rule would have sent
// them to the primary. The canary's cookie keeps them there when they no longer match.
func (b builder) matchRules(split Split) ([]map[string]any, error) {
	if !b.served(split) {
		return nil, nil
	}
	entries := split.Match
	if b.route.Kind == GRPC {
		entries = slices.DeleteFunc(slices.Clone(entries), func(m Match) bool { return len(m.QueryParams) > 0 || m.Method != "" || m.Path != nil })
	}
	refs := b.canaryRefs(split)
	_, canary := split.backends(b.route.Namespace)
	if affinity := b.affinity(split); affinity != nil && len(entries) > 0 {
		for _, ref := range refs {
			if backendOf(asMap(ref), b.route.Namespace) != canary {
				continue
			}
			if err := addCookie(asMap(ref), affinity.Cookie.String()); err != nil {
				return nil, fmt.Errorf("spec.rules[%d].backendRefs: %w", b.index, err)
			}
		}
	}
	return b.ruleFor("match", entries, refs)
}

// served reports whether the rule sends any requests to the primary of a split.
func (b builder) served(split Split) bool {
	return slices.ContainsFunc(listOf(b.rule, "backendRefs"), func(ref any) bool { return b.isPrimary(ref, split) && weightOf(asMap(ref)) > 0 })
}

// isPrimary reports whether a reference of the rule is to the primary of a split.
func (b builder) isPrimary(ref any, split Split) bool {
	primary, _ := split.backends(b.route.Namespace)
	return asMap(ref) != nil && backendOf(asMap(ref), b.route.Namespace) == primary
}

// canaryRefs returns the references of the rule with the canary in place of the primary. The share of other backends stays theirs.
func (b builder) canaryRefs(split Split) []any {
	var refs []any
	for _, ref := range listOf(b.rule, "backendRefs") {
		if b.isPrimary(ref, split) {
			refs = append(refs, split.canaryRef(asMap(ref)))
		} else {
			refs = append(refs, ref)
		}
	}
	return refs
}

// ruleFor copies the user's rule, with other references, for the requests that also match one of the entries. It returns
// several rules if a filter of the user's rule replaces the prefix of the path, because the Gateway API allows such a rule
// only one match.
func (b builder) ruleFor(what string, entries []Match, refs []any) ([]map[string]any, error) {
	matches, err := b.matchesWith(entries)
	if err != nil || len(matches) == 0 {
		return nil, err
	}
	groups := [][]any{matches}
	if replacesPrefix(b.rule) {
		groups = slices.Collect(slices.Chunk(matches, 1))
	}
	var rules []map[string]any
	for i, group := range groups {
		rule := copied(b.rule)
		rule["name"] = fmt.Sprintf("sluice-%s-%d", what, b.index)
		if len(groups) > 1 {
			rule["name"] = fmt.Sprintf("sluice-%s-%d-%d", what, b.index, i)
		}
		rule["matches"] = group
		rule["backendRefs"] = copied(map[string]any{"refs": refs})["refs"]
		rules = append(rules, rule)
	}
	return rules, nil
}

// replacesPrefix reports whether a filter of a rule or of its references replaces the prefix of the path.
func replacesPrefix(rule map[string]any) bool {
	filters := listOf(rule, "filters")
	for _, ref := range listOf(rule, "backendRefs") {
		filters = append(filters[:len(filters):len(filters)], listOf(asMap(ref), "filters")...)
	}
	return slices.ContainsFunc(filters, func(filter any) bool {
		rewrite := asMap(asMap(asMap(filter)["urlRewrite"])["path"])
		return text(rewrite, "type", "") == "ReplacePrefixMatch"
	})
}
