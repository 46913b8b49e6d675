package route

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
)

// Intents are everything that a route is rendered by.
type Intents struct {
	// Splits are the splits of the route, at most one for each Deployment.
	Splits []Split
	// Cohorts are the cohorts of any number of rollouts.
	Cohorts []Cohort
}

// IntentsOf returns the intents in the annotations. The error names the annotation that cannot be read.
func IntentsOf(annotations map[string]string) (Intents, error) {
	splits, err := SplitsOf(annotations)
	if err != nil {
		return Intents{}, fmt.Errorf("metadata.annotations[%s]: %w", config.AnnotationSplit, err)
	}
	cohorts, err := CohortsOf(annotations)
	if err != nil {
		return Intents{}, fmt.Errorf("metadata.annotations[%s]: %w", config.AnnotationCohorts, err)
	}
	return Intents{Splits: splits, Cohorts: cohorts}, nil
}

// None reports whether there are no intents.
func (i Intents) None() bool {
	return len(i.Splits) == 0 && len(i.Cohorts) == 0
}

// With returns the route with exactly these intents stated and rendered. It first removes what was rendered before, so it
// keeps what the user has changed since, and rendering twice changes nothing. The error says which limit of the Gateway API
// would be exceeded or what contradicts the user's rules, and what to do. With an error nothing is rendered.
func With(r Route, intents Intents) (Route, error) {
	stated, err := IntentsOf(r.Annotations)
	if err != nil {
		return Route{}, err
	}
	if pruned(r, stated) && len(addedBy(plainOf(r, r, stated, intents), intents)) > 0 {
		return Route{}, errPruned(r.Kind)
	}
	return render(plainOf(r, r, stated, intents), intents)
}

// WithSplit is With for the split of one Deployment. It leaves other splits and cohorts as they are.
func WithSplit(r Route, split Split) (Route, error) {
	intents, err := IntentsOf(r.Annotations)
	if err != nil {
		return Route{}, err
	}
	intents.Splits = stating(intents.Splits, split, r.Namespace)
	return With(r, intents)
}

// WithoutSplit returns the route without the split of a Deployment. It leaves other splits and cohorts as they are. Without any,
// the rules are those that the user last requested.
func WithoutSplit(r Route, deployment types.NamespacedName) Route {
	intents, err := IntentsOf(r.Annotations)
	if err != nil {
		return Plain(r)
	}
	intents.Splits = SplitsBeside(r, deployment)
	result, err := With(r, intents)
	if err != nil {
		// A route that can no longer be rendered must not keep the canary's requests where they are.
		return Plain(r)
	}
	return result
}

// Keeping returns the route with only those of its splits for which keep returns true, and without cohorts. Without any, the rules
// are those that the user last requested. The error says which annotation cannot be read, or why what is kept cannot be rendered.
func Keeping(r Route, keep func(Split) bool) (Route, error) {
	intents, err := IntentsOf(r.Annotations)
	if err != nil {
		return Route{}, err
	}
	var kept []Split
	for _, split := range intents.Splits {
		if keep(split) {
			kept = append(kept, split)
		}
	}
	if len(kept) == 0 {
		return Plain(r), nil
	}
	return With(r, Intents{Splits: kept})
}

// Plain returns the route as the user last requested it, without what Sluice has added. Sluice did not write an annotation that
// cannot be read, so it rendered no rules by it.
func Plain(r Route) Route {
	stated, _ := IntentsOf(r.Annotations)
	return withAnnotations(plainOf(r, r, stated, Intents{}), Intents{})
}

// Render returns what admission makes of an update: its rules follow its annotations. An annotation that cannot be read is an
// error. What an update removes from the annotations is removed from the rules.
func Render(old, updated Route) (Route, error) {
	intents, err := IntentsOf(updated.Annotations)
	if err != nil {
		return Route{}, err
	}
	before, _ := IntentsOf(old.Annotations)
	if intents.None() && before.None() {
		return updated, nil
	}
	return render(plainOf(old, updated, before, intents), intents)
}

// IsRendered reports whether the rules follow the annotations. It is true without annotations. The reason says what prevents
// rendering. It is empty if the rules only need to be written.
func IsRendered(r Route) (ok bool, reason string) {
	intents, err := IntentsOf(r.Annotations)
	if err != nil {
		return false, err.Error()
	}
	if intents.None() {
		return true, ""
	}
	wanted, err := With(r, intents)
	if err != nil {
		return false, err.Error()
	}
	return SameRules(r, wanted), ""
}

// SameRules reports whether two routes have the same rules.
func SameRules(a, b Route) bool {
	return equality.Semantic.DeepEqual(a.Rules, b.Rules)
}

// Same reports whether two routes have the same intents and the same rules.
func Same(a, b Route) bool {
	for _, key := range []string{config.AnnotationSplit, config.AnnotationCohorts} {
		if a.Annotations[key] != b.Annotations[key] {
			return false
		}
	}
	return SameRules(a, b)
}

// render renders intents into a plain route.
func render(plain Route, intents Intents) (Route, error) {
	if err := checkNames(plain); err != nil {
		return Route{}, err
	}
	splits := make([]Split, 0, len(intents.Splits))
	for _, split := range intents.Splits {
		split = split.on(plain.Namespace)
		if scale := scaleFor(plain, split); scale > 1 {
			split.Scale = int32(scale)
		}
		splits = append(splits, split)
	}
	intents.Splits = inOrder(splits)
	if err := checkTogether(plain, intents.Splits); err != nil {
		return Route{}, err
	}
	rules, err := renderedRules(plain, intents)
	if err != nil {
		return Route{}, err
	}
	result := withAnnotations(plain, intents)
	result.Rules = rules
	if err := checkLimits(result); err != nil {
		return Route{}, err
	}
	return result, nil
}

// renderedRules returns the user's rules with the canary's share in them, each after the rules that are added for it.
func renderedRules(plain Route, intents Intents) ([]any, error) {
	rules := make([]any, 0, len(plain.Rules))
	for i, rule := range plain.Rules {
		if asMap(rule) == nil {
			rules = append(rules, rule)
			continue
		}
		b := builder{route: plain, intents: intents, index: i, rule: asMap(rule)}
		rendered, err := b.rules()
		if err != nil {
			return nil, err
		}
		for _, one := range rendered {
			rules = append(rules, one)
		}
	}
	return rules, nil
}
