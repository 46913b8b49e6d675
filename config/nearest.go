package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

const (
	// farthest is the greatest distance of a name in a hint.
	farthest = 3
	// mostMeant is the number of names in a hint.
	mostMeant = 3
)

// Nearest returns a "did you mean" hint for a mistyped name, the nearest of these names first; empty if none is similar.
func Nearest(name string, names []string) string {
	if name == "" {
		return ""
	}
	name = strings.ToLower(name)
	distances := map[string]int{}
	var meant []string
	for _, each := range names {
		lower := strings.ToLower(each)
		distances[each] = levenshtein.Distance(name, lower, nil)
		// Every name is near a short one.
		near := distances[each] <= farthest && 2*distances[each] <= max(len(name), len(lower))
		if near || strings.HasPrefix(lower, name) {
			meant = append(meant, each)
		}
	}
	if len(meant) == 0 {
		return ""
	}
	slices.SortStableFunc(meant, func(a, b string) int { return cmp.Compare(distances[a], distances[b]) })
	return fmt.Sprintf("; did you mean %s?", strings.Join(meant[:min(len(meant), mostMeant)], " or "))
}
