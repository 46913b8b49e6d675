package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shown is the number of lines of each list in a report.
const shown = 10

// report lists how many arrows and calls climb, and which files and arrows climb most.
func report(name string, counted map[arrow]int, positions order) string {
	var arrows, total, climbing int
	climbs, callers := map[arrow]int{}, map[string]int{}
	for a, n := range counted {
		arrows++
		total += n
		if positions[a.to] < positions[a.from] {
			climbs[a] = n
			climbing += n
			callers[a.from] += n
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d arrows, %d calls\n", name, arrows, total)
	fmt.Fprintf(&b, "climb: %d arrows (%s), %d calls (%s)\n", len(climbs), percent(len(climbs), arrows), climbing, percent(climbing, total))
	if len(climbs) == 0 {
		return b.String()
	}
	b.WriteString("\ncalls that climb, by caller:\n")
	for _, caller := range most(callers, strings.Compare) {
		fmt.Fprintf(&b, "%5d  %s\n", callers[caller], caller)
	}
	b.WriteString("\ncalls that climb, by arrow:\n")
	for _, a := range most(climbs, compare) {
		fmt.Fprintf(&b, "%5d  %s -> %s\n", climbs[a], a.from, a.to)
	}
	return b.String()
}

func percent(part, whole int) string {
	if whole == 0 {
		return "0%"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

func compare(a, b arrow) int {
	return cmp.Or(strings.Compare(a.from, b.from), strings.Compare(a.to, b.to))
}

// most returns the keys with the highest counts. Keys with the same count are sorted by name.
func most[K comparable](counts map[K]int, byName func(a, b K) int) []K {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), byName(a, b))
	})
	return keys[:min(shown, len(keys))]
}
