package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

const (
	// farthest is how many letters a name may differ by to be meant.
	farthest = 3
	// mostMeant is how many names are offered.
	mostMeant = 3
)

// Nearest asks whether one of these names was meant by a mistyped one, the nearest first; it is empty where none is alike.
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
		// Of a short name everything is near.
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
