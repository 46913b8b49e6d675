package route

import (
	"fmt"
	"math"
	"slices"
)

// canMirror returns an error if the rule has other backends beside the primary of a split that mirrors. A mirror of a rule copies the
// requests of all its backends, and gateways need not support one of a single backend.
func (b builder) canMirror(split Split) error {
	if split.Mirror == 0 {
		return nil
	}
	refs := listOf(b.rule, "backendRefs")
	other := slices.IndexFunc(refs, func(ref any) bool { return !b.isPrimary(ref, split) && weightOf(asMap(ref)) > 0 })
	if other == -1 {
		return nil
	}
	return fmt.Errorf("spec.rules[%d] also sends to %s %s, whose requests would be mirrored to the canary too: divide the rule, or leave mirror out",
		b.index, text(asMap(refs[other]), "kind", "Service"), text(asMap(refs[other]), "name", ""))
}

// mirror mirrors a percentage of the rule's requests to the canary.
func (s Split) mirror(rule map[string]any, namespace string) {
	if s.Mirror == 0 {
		return
	}
	primary, _ := s.backends(namespace)
	for _, item := range listOf(rule, "backendRefs") {
		if backendOf(asMap(item), namespace) != primary {
			continue
		}
		to := map[string]any{"group": "", "kind": "Service"}
		canary := s.canaryRef(asMap(item))
		for _, field := range []string{"group", "kind", "name", "namespace", "port"} {
			if value, set := canary[field]; set {
				to[field] = value
			}
		}
		mirrored := map[string]any{"backendRef": to}
		partOf(s.Mirror, mirrored)
		rule["filters"] = append(listOf(rule, "filters"), map[string]any{"type": requestMirror, "requestMirror": mirrored})
		return
	}
}

// partOf writes whole percentages as such, and finer ones as a fraction.
func partOf(percent float64, mirrored map[string]any) {
	if percent == math.Trunc(percent) {
		mirrored["percent"] = int64(percent)
		return
	}
	mirrored["fraction"] = map[string]any{"numerator": int64(math.Round(percent * 100)), "denominator": int64(10_000)}
}

// unmirror removes what mirror has added: the last of the filters that mirror to the canary.
func unmirror(rule map[string]any, last Split, namespace string) {
	if last.Mirror == 0 {
		return
	}
	_, canary := last.backends(namespace)
	filters := listOf(rule, "filters")
	for i := len(filters) - 1; i >= 0; i-- {
		mirrored := asMap(asMap(filters[i])["requestMirror"])
		if mirrored != nil && backendOf(asMap(mirrored["backendRef"]), namespace) == canary {
			removeFilter(rule, i)
			return
		}
	}
}
