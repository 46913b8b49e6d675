package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/coverage"
)

// namedMisses is how many policies or monitors a message names.
const namedMisses = 10

// misses returns the policies or monitors that would miss the canary and for which the function holds.
func (f Facts) misses(concerns func(coverage.Miss) bool) []coverage.Miss {
	var found []coverage.Miss
	for _, miss := range f.target.Missed {
		if concerns(miss) {
			found = append(found, miss)
		}
	}
	return found
}

// holdingMisses are the policies that hold the start. One that the user lets pass does not, nor does one of another namespace: its
// owner would hold the rollouts of others.
func (f Facts) holdingMisses() []coverage.Miss {
	may := f.latest.MissedPolicies
	return f.misses(func(miss coverage.Miss) bool {
		return !miss.Monitors && !miss.Elsewhere && !slices.Contains(may, miss.Ref) && !slices.Contains(may, "*")
	})
}

// isUncovered reports whether a canary would miss policies, or nobody has looked for such policies yet. A dry run starts no canary.
func (f Facts) isUncovered() bool {
	return !f.o.DryRun && (f.o.Coverage == nil || len(f.holdingMisses()) > 0)
}

// uncovered says which policies hold the start, and what to do.
func (f Facts) uncovered(holding []coverage.Miss) string {
	refs := make([]string, 0, len(holding))
	for _, miss := range holding {
		refs = append(refs, miss.Ref)
	}
	if len(refs) > namedMisses {
		refs = []string{"'*'"}
	}
	return fmt.Sprintf("policies that apply to the primary would miss the canary: %s; %s; or start without them: kubectl annotate deployment %s -n %s --overwrite %s=%s",
		listed(holding), f.covering(holding), f.o.Name, f.o.Namespace, config.AnnotationMissedPolicies, strings.Join(slices.Compact(refs), ","))
}

// listed lists policies or monitors.
func listed(misses []coverage.Miss) string {
	names := make([]string, 0, len(misses))
	for _, miss := range misses {
		names = append(names, miss.Object)
	}
	if more := len(names) - namedMisses; more > 0 {
		names = append(names[:namedMisses:namedMisses], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// covering says how policies or monitors can be made to select the canary.
func (f Facts) covering(misses []coverage.Miss) string {
	isBy := func(miss coverage.Miss) bool { return miss.ByService }
	var by []string
	if slices.ContainsFunc(misses, func(miss coverage.Miss) bool { return !isBy(miss) }) {
		keys := slices.Sorted(maps.Keys(f.target.Identity))
		pairs := make([]string, 0, len(keys))
		for _, key := range keys {
			pairs = append(pairs, key+"="+f.target.Identity[key])
		}
		by = append(by, "the canary's pods ("+strings.Join(pairs, ",")+")")
	}
	if slices.ContainsFunc(misses, isBy) {
		by = append(by, "Service "+f.target.CanaryService())
	}
	return fmt.Sprintf("have each select %s, too, or add a copy that does, named NAME-canary", strings.Join(by, " or "))
}

// letPass says which policies miss the canary without holding the rollout; empty when none do.
func (f Facts) letPass() string {
	passing := f.misses(func(miss coverage.Miss) bool { return !miss.Monitors })
	if len(passing) == 0 {
		return ""
	}
	return fmt.Sprintf("The canary runs without policies that apply to the primary: %s; %s", listed(passing), f.covering(passing))
}

// unscraped says which monitors miss the canary; empty when none do.
func (f Facts) unscraped() string {
	monitors := f.misses(func(miss coverage.Miss) bool { return miss.Monitors })
	if len(monitors) == 0 {
		return ""
	}
	return fmt.Sprintf("Monitors that scrape the primary miss the canary, so checks by their metrics cannot judge it: %s; %s",
		listed(monitors), f.covering(monitors))
}

// unreadable says of which kinds nobody knows whether they miss the canary, because Sluice may not read them.
func (f Facts) unreadable() string {
	if len(f.o.Coverage.Forbidden) == 0 {
		return ""
	}
	return fmt.Sprintf("Sluice may not read %s, so nobody knows whether they miss the canary; the chart value rbac.policies allows it",
		strings.Join(f.o.Coverage.Forbidden, ", "))
}

// unread says of which kinds and objects nobody knows whether they miss the canary, and why.
func (f Facts) unread() string {
	all := f.o.Coverage.Unread
	if len(all) == 0 {
		return ""
	}
	if more := len(all) - namedMisses; more > 0 {
		all = append(all[:namedMisses:namedMisses], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("Cannot tell whether these miss the canary, and the rollout does not wait for them: %s", strings.Join(all, ", "))
}
