package route

import (
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
)

// ours matches the names of rules that Sluice adds. Only rules with such a name are removed again.
var ours = regexp.MustCompile(`^sluice-(cohort|match|canary|primary|expired)(-[0-9]+){1,3}$`)

func isOurs(rule map[string]any) bool {
	return ours.MatchString(text(rule, "name", ""))
}

// plainOf removes everything that Sluice has added from an updated route. old is its stored version, and before is what that
// was rendered by. If before states no split of a Deployment, next may still have left its canary in rules whose annotation was
// lost.
func plainOf(old, updated Route, before, next Intents) Route {
	last := before.Splits
	for _, split := range next.Splits {
		if !slices.ContainsFunc(before.Splits, func(s Split) bool { return s.on(updated.Namespace).key() == split.on(updated.Namespace).key() }) {
			last = append(last[:len(last):len(last)], split)
		}
	}
	// Without annotations, a rule with such a name belongs to the user.
	stated, err := IntentsOf(updated.Annotations)
	anyOfOurs := !before.None() || err == nil && !stated.None()
	result := updated
	result.Rules = make([]any, 0, len(updated.Rules))
	for _, rule := range updated.Rules {
		if anyOfOurs && isOurs(asMap(rule)) {
			continue
		}
		result.Rules = append(result.Rules, unshared(rule, last, updated.Namespace))
	}
	if pruned(old, before) {
		added := addedBy(result, before)
		result.Rules = slices.DeleteFunc(result.Rules, func(rule any) bool { return containsNameless(added, rule) })
	}
	return result
}

// unshared removes the canaries from a rule that has them, gives their weights back to the primaries and removes what else the
// splits added. It returns a copy.
func unshared(rule any, last []Split, namespace string) any {
	if asMap(rule) == nil || len(last) == 0 {
		return rule
	}
	result := copied(asMap(rule))
	// Of a rule that several splits share, the weights were multiplied by the largest scale.
	scale, shared := int64(1), false
	for _, split := range last {
		primary, _ := split.backends(namespace)
		if !sends(result, primary, namespace) {
			continue
		}
		unmirror(result, split, namespace)
		kept, found := withoutCanary(listOf(result, "backendRefs"), split, namespace)
		if found {
			scale, shared = max(scale, split.scale()), true
		}
		for _, ref := range kept {
			if backendOf(asMap(ref), namespace) == primary {
				split.uncookie(asMap(ref))
			}
		}
		result["backendRefs"] = kept
	}
	for _, ref := range listOf(result, "backendRefs") {
		if shared && asMap(ref) != nil {
			setWeight(asMap(ref), divided(weightOf(asMap(ref)), scale))
		}
	}
	return result
}

// withoutCanary removes the references to the canary and to the control. Each belongs to the last reference to the primary before it
// that has none yet. Any other is the user's.
func withoutCanary(refs []any, last Split, namespace string) (kept []any, found bool) {
	primary, canary := last.backends(namespace)
	control, controlled := last.control(namespace)
	var owner, controls map[string]any
	kept = make([]any, 0, len(refs))
	for _, item := range refs {
		ref := asMap(item)
		is := backendOf(ref, namespace)
		switch {
		case is == canary && owner != nil:
			setWeight(owner, weightOf(owner)+weightOf(ref))
			owner, found = nil, true
			continue
		case controlled && is == control && controls != nil:
			setWeight(controls, weightOf(controls)+weightOf(ref))
			controls = nil
			continue
		case is == primary && ref != nil:
			owner, controls = ref, ref
		}
		kept = append(kept, item)
	}
	return kept, found
}

// addedBy returns the rules that intents add to a route. It returns none if they cannot be rendered for the route's rules,
// such as unnamed rules that Sluice has added.
func addedBy(r Route, intents Intents) []map[string]any {
	var added []map[string]any
	for i, rule := range r.Rules {
		b := builder{route: r, intents: intents, index: i, rule: asMap(rule)}
		if rules, err := b.rules(); err == nil && asMap(rule) != nil {
			added = append(added, rules[:len(rules)-1]...)
		}
	}
	return added
}

// pruned reports whether a stored route has the rules that its intents add, but without their names. Then the cluster's CRDs
// lack the field, and Sluice's rules cannot be told from the user's by name.
func pruned(stored Route, intents Intents) bool {
	if intents.None() || slices.ContainsFunc(stored.Rules, func(rule any) bool { return isOurs(asMap(rule)) }) {
		return false
	}
	plain := stored
	plain.Rules = make([]any, 0, len(stored.Rules))
	for _, rule := range stored.Rules {
		plain.Rules = append(plain.Rules, unshared(rule, intents.Splits, stored.Namespace))
	}
	if len(intents.Splits) > 0 && SameRules(plain, stored) {
		return false // the user's own rules, not rendered yet
	}
	added := addedBy(plain, intents)
	return slices.ContainsFunc(stored.Rules, func(rule any) bool { return containsNameless(added, rule) })
}

func containsNameless(rules []map[string]any, wanted any) bool {
	return slices.ContainsFunc(rules, func(rule map[string]any) bool {
		nameless := copied(rule)
		delete(nameless, "name")
		return equality.Semantic.DeepEqual(any(nameless), wanted)
	})
}

func errPruned(kind string) error {
	return fmt.Errorf("the cluster's %s CRD drops spec.rules[].name, by which Sluice recognizes the rules it adds: "+
		"install the Gateway API CRDs v1.4 or newer, or leave out match, session affinity and cohorts", kind)
}

// checkNames returns an error if a rule of the user would be taken for one of Sluice's.
func checkNames(plain Route) error {
	for i, rule := range plain.Rules {
		if isOurs(asMap(rule)) {
			return fmt.Errorf("spec.rules[%d].name: %q is reserved for rules that Sluice adds: rename the rule, or remove it if an earlier rollout left it",
				i, text(asMap(rule), "name", ""))
		}
	}
	return nil
}
