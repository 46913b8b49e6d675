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
