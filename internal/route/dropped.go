package route

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
)

// Dropped returns warnings for the user who updates a rendered route. They say which part of the update is lost, because it
// changes what Sluice derives from the user's rules. Applying plain rules loses nothing.
func Dropped(old, updated Route) []string {
	intents, err := IntentsOf(old.Annotations)
	if err != nil || intents.None() {
		return nil
	}
	var warnings []string
	for i, rule := range updated.Rules {
		if isOurs(asMap(rule)) {
			if !containsEqual(old.Rules, rule) {
				warnings = append(warnings, fmt.Sprintf("spec.rules[%d] (%s): Sluice derives this rule from another one, so this change is lost: "+
					"change the other rule instead", i, text(asMap(rule), "name", "")))
			}
			continue
		}
		for _, split := range intents.Splits {
			if editsCanary(old, asMap(rule), split) {
				warnings = append(warnings, fmt.Sprintf("spec.rules[%d].backendRefs: Sluice derives the reference to Service %s from the one to Service %s, "+
					"so this change is lost: change the latter instead", i, split.Canary, split.Primary))
			}
			if editsShare(old, asMap(rule), split) {
				warnings = append(warnings, fmt.Sprintf("spec.rules[%d].backendRefs: Sluice sets the weights of Services %s and %s while Deployment %s is rolled out, "+
					"so this change does not move requests: %v%% still go to the canary; to take them all away: kubectl sluice abort %s -n %s; "+
					"to stay at this weight: kubectl sluice pause %s -n %s", i, split.Primary, split.Canary, split.Deployment, split.Weight,
					split.Deployment, split.namespaceIn(old.Namespace), split.Deployment, split.namespaceIn(old.Namespace)))
			}
		}
	}
	return warnings
}

func containsEqual(list []any, wanted any) bool {
	return slices.ContainsFunc(list, func(one any) bool { return equality.Semantic.DeepEqual(one, wanted) })
}

// editsCanary reports whether a rule has a reference to the canary, among those that Sluice adds, that differs from all
// stored ones in more than its weight.
func editsCanary(old Route, rule map[string]any, split Split) bool {
	var stored []any
	for _, one := range old.Rules {
		stored = append(stored, madeRefs(asMap(one), split, old.Namespace)...)
	}
	return slices.ContainsFunc(madeRefs(rule, split, old.Namespace), func(ref any) bool { return !containsEqual(stored, ref) })
}

// madeRefs returns the canary's references that belong to one of the primary, without weights.
func madeRefs(rule map[string]any, split Split, namespace string) []any {
	refs := listOf(rule, "backendRefs")
	if rule == nil {
		return nil
	}
	kept, _ := withoutCanary(listOf(copied(rule), "backendRefs"), split, namespace)
	if len(kept) == len(refs) {
		return nil
	}
	_, canary := split.backends(namespace)
	var made []any
	for _, ref := range refs {
		if asMap(ref) == nil || backendOf(asMap(ref), namespace) != canary {
			continue
		}
		bare := copied(asMap(ref))
		delete(bare, "weight")
		made = append(made, bare)
	}
	return made
}

// pair is the weight of a reference to a primary and that of its canary.
type pair struct {
	primary, canary int64
	// shared is false if the reference has no canary.
	shared bool
}

func pairsOf(rule map[string]any, split Split, namespace string) []pair {
	var pairs []pair
	primary, canary := split.backends(namespace)
	for _, ref := range listOf(rule, "backendRefs") {
		switch is := backendOf(asMap(ref), namespace); {
		case is == primary:
			pairs = append(pairs, pair{primary: weightOf(asMap(ref))})
		case is == canary && len(pairs) > 0 && !pairs[len(pairs)-1].shared:
			pairs[len(pairs)-1].canary, pairs[len(pairs)-1].shared = weightOf(asMap(ref)), true
		}
	}
	return pairs
}

// editsShare reports whether a rule gives the canary another share than the split: by other weights, or because the canary's
// reference was removed from a rendered rule.
func editsShare(old Route, rule map[string]any, split Split) bool {
	var stored []pair
	for _, one := range old.Rules {
		stored = append(stored, pairsOf(asMap(one), split, old.Namespace)...)
	}
	removed := func(lone pair) func(pair) bool {
		return func(p pair) bool {
			return p.shared && p.canary > 0 && p.primary == lone.primary && divided(p.primary+p.canary, split.scale()) != lone.primary
		}
	}
	return slices.ContainsFunc(pairsOf(rule, split, old.Namespace), func(p pair) bool {
		if !p.shared {
			return slices.ContainsFunc(stored, removed(p))
		}
		return !slices.Contains(stored, p) && share(p.primary+p.canary, split.Weight) != p.canary
	})
}

// OwnCanary returns the index of the first rule in which the user refers to the canary of a split beside its primary, where
// Sluice adds such a reference itself, or -1. It is meant for a route that does not state the split: there it is the user's.
func OwnCanary(r Route, split Split) int {
	return slices.IndexFunc(r.Rules, func(rule any) bool { return len(madeRefs(asMap(rule), split, r.Namespace)) > 0 })
}
