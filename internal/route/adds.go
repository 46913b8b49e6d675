package route

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
)

// Adds reports whether a route that is to be written sends anything to a canary that it does not send there now: a greater
// weight or share of copies, another match or cookie, another mark, or a name that it does not have yet. A route that adds
// nothing only takes requests away, so it may be written at any time.
func Adds(current, desired Route) bool {
	before, err := IntentsOf(current.Annotations)
	if err != nil {
		return true
	}
	after, err := IntentsOf(desired.Annotations)
	if err != nil {
		return true
	}
	isNew := func(c Cohort) bool { return !slices.Contains(before.Cohorts, c) }
	if slices.ContainsFunc(after.Cohorts, isNew) {
		return true
	}
	return slices.ContainsFunc(after.Splits, func(split Split) bool {
		return splitAdds(SplitFor(current, split.DeploymentOn(desired)), split) || WeightOf(desired, split) > WeightOf(current, split)
	})
}

func splitAdds(before *Split, after Split) bool {
	if before == nil {
		return true
	}
	isNew := func(match Match) bool {
		return !slices.ContainsFunc(before.Match, func(known Match) bool { return equality.Semantic.DeepEqual(match, known) })
	}
	return after.Weight > before.Weight || after.Mirror > before.Mirror || slices.ContainsFunc(after.Match, isNew) ||
		cookieAdds(*before, after) || !sameCanary(*before, after) || after.Control != "" && after.Control != before.Control
}

// cookieAdds reports whether another cookie brings users to the canary.
func cookieAdds(before, after Split) bool {
	if after.Affinity == nil || !after.keepsAtCanary() {
		return false
	}
	return before.Affinity == nil || !before.keepsAtCanary() || before.Affinity.Cookie != after.Affinity.Cookie
}

// sameCanary reports whether two splits name the same two versions and mark requests alike.
func sameCanary(a, b Split) bool {
	return a.Primary == b.Primary && a.Canary == b.Canary && equality.Semantic.DeepEqual(a.Mark, b.Mark) &&
		equality.Semantic.DeepEqual(a.PrimaryBackend, b.PrimaryBackend) && equality.Semantic.DeepEqual(a.CanaryBackend, b.CanaryBackend)
}
