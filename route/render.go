package route

import (
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/config"
)

// mostWeight is the largest weight that the Gateway API allows.
const mostWeight = 1_000_000

// scales are tried in order until every weight can be shared exactly at any percentage.
var scales = []int32{1, 10, 100}

// WithSplit returns the route with the split stated and rendered. Rules that were rendered before are un-rendered first,
// so what the user changed meanwhile is kept, and rendering twice changes nothing.
func WithSplit(route *gatewayv1.HTTPRoute, split Split) *gatewayv1.HTTPRoute {
	result := unrendered(route, lastSplit(route, split))
	split.Scale = scaleFor(result, split)
	for i := range result.Spec.Rules {
		renderRule(&result.Spec.Rules[i], split, result.Namespace)
	}
	if split.Scale == 1 {
		split.Scale = 0
	}
	if result.Annotations == nil {
		result.Annotations = map[string]string{}
	}
	result.Annotations[config.AnnotationSplit] = split.Encode()
	return result
}

// lastSplit is the split that the rules were rendered by: the one that the route states, else the one to come.
func lastSplit(route *gatewayv1.HTTPRoute, next Split) Split {
	if stated, err := SplitOf(route.Annotations); err == nil && stated != nil {
		return *stated
	}
	return next
}

// WithoutSplit returns the route without the split: its rules are what the user last asked for. last is the split that
// the rules were rendered by.
func WithoutSplit(route *gatewayv1.HTTPRoute, last Split) *gatewayv1.HTTPRoute {
	result := unrendered(route, last)
	delete(result.Annotations, config.AnnotationSplit)
	if len(result.Annotations) == 0 {
		result.Annotations = nil
	}
	return result
}

// Render is what admission makes of an update: the rules say what the annotation states. A split that cannot be read is
// an error; a split that was taken away is taken out of the rules.
func Render(old, updated *gatewayv1.HTTPRoute) (*gatewayv1.HTTPRoute, error) {
	split, err := SplitOf(updated.Annotations)
	if err != nil {
		return nil, err
	}
	before, _ := SplitOf(old.Annotations)
	switch {
	case split == nil && before == nil:
		return updated.DeepCopy(), nil
	case split == nil:
		return WithoutSplit(updated, *before), nil
	case before == nil:
		return WithSplit(updated, *split), nil
	}
	plain := unrendered(updated, *before)
	return WithSplit(plain, *split), nil
}

// IsRendered reports whether the rules say what the annotation states; true without an annotation.
func IsRendered(route *gatewayv1.HTTPRoute) bool {
	split, err := SplitOf(route.Annotations)
	if err != nil {
		return false
	}
	return split == nil || SameBackends(route, WithSplit(route, *split))
}

// SameBackends reports whether two routes have the same rules.
func SameBackends(a, b *gatewayv1.HTTPRoute) bool {
	return equality.Semantic.DeepEqual(a.Spec.Rules, b.Spec.Rules)
}

// unrendered takes the canary out of every rule that holds it and gives its weight back to the primary.
func unrendered(route *gatewayv1.HTTPRoute, last Split) *gatewayv1.HTTPRoute {
	result := route.DeepCopy()
	for i := range result.Spec.Rules {
		unrenderRule(&result.Spec.Rules[i], last, result.Namespace)
	}
	return result
}

func unrenderRule(rule *gatewayv1.HTTPRouteRule, last Split, namespace string) {
	isCanary := func(ref gatewayv1.HTTPBackendRef) bool { return namesService(ref.BackendRef, last.Canary, namespace) }
	if !slices.ContainsFunc(rule.BackendRefs, isCanary) {
		return
	}
	kept := make([]gatewayv1.HTTPBackendRef, 0, len(rule.BackendRefs))
	for _, ref := range rule.BackendRefs {
		if !isCanary(ref) {
			kept = append(kept, ref)
			continue
		}
		if primary := primaryBefore(kept, last.Primary, namespace); primary != nil {
			setWeight(primary, weightOf(*primary)+weightOf(ref))
		}
	}
	for i := range kept {
		setWeight(&kept[i], divided(weightOf(kept[i]), last.scale()))
	}
	rule.BackendRefs = kept
}

// primaryBefore is the primary's reference that a canary's belongs to: the last one before it.
func primaryBefore(refs []gatewayv1.HTTPBackendRef, primary, namespace string) *gatewayv1.HTTPBackendRef {
	for i := len(refs) - 1; i >= 0; i-- {
		if namesService(refs[i].BackendRef, primary, namespace) {
			return &refs[i]
		}
	}
	return nil
}

func renderRule(rule *gatewayv1.HTTPRouteRule, split Split, namespace string) {
	if !rendersIn(*rule, split, namespace) {
		return
	}
	shared := make([]gatewayv1.HTTPBackendRef, 0, len(rule.BackendRefs)+1)
	for _, ref := range rule.BackendRefs {
		whole := multiplied(weightOf(ref), split.Scale)
		if !namesService(ref.BackendRef, split.Primary, namespace) {
			setWeight(&ref, whole)
			shared = append(shared, ref)
			continue
		}
		canary := *ref.DeepCopy()
		canary.Name = gatewayv1.ObjectName(split.Canary)
		part := share(whole, split.Weight)
		setWeight(&ref, whole-part)
		setWeight(&canary, part)
		shared = append(shared, ref, canary)
	}
	rule.BackendRefs = shared
}

func rendersIn(rule gatewayv1.HTTPRouteRule, split Split, namespace string) bool {
	return slices.ContainsFunc(rule.BackendRefs, func(ref gatewayv1.HTTPBackendRef) bool {
		return namesService(ref.BackendRef, split.Primary, namespace)
	})
}

// scaleFor is the smallest scale with which every percentage can be shared exactly in every rule, or the largest that
// keeps every weight within what the Gateway API allows. It does not depend on the split's weight, so that it stays the
// same through a rollout: rules that were rendered by an earlier weight can be un-rendered by the annotation of a later.
func scaleFor(route *gatewayv1.HTTPRoute, split Split) int32 {
	best := int32(1)
	for _, scale := range scales {
		exact := true
		for _, rule := range route.Spec.Rules {
			if !rendersIn(rule, split, route.Namespace) {
				continue
			}
			for _, ref := range rule.BackendRefs {
				whole := int64(weightOf(ref)) * int64(scale)
				if whole > mostWeight {
					return best
				}
				exact = exact && (!namesService(ref.BackendRef, split.Primary, route.Namespace) || whole%100 == 0)
			}
		}
		best = scale
		if exact {
			break
		}
	}
	return best
}

// share is the canary's part of a weight, rounded to the nearest: of two parts, the largest remainder gives the same.
func share(whole, percent int32) int32 {
	return int32(math.Round(float64(whole) * float64(percent) / 100))
}

func multiplied(weight, scale int32) int32 {
	return int32(min(int64(weight)*int64(scale), mostWeight))
}

func divided(weight, scale int32) int32 {
	return int32(math.Round(float64(weight) / float64(scale)))
}

// weightOf is the weight of a reference; 1 when it has none, as the Gateway API says.
func weightOf(ref gatewayv1.HTTPBackendRef) int32 {
	if ref.Weight == nil {
		return 1
	}
	return *ref.Weight
}

// setWeight leaves a weight absent that is absent and means the same.
func setWeight(ref *gatewayv1.HTTPBackendRef, weight int32) {
	if ref.Weight == nil && weight == 1 {
		return
	}
	ref.Weight = &weight
}
