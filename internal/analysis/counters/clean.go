package counters

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// ahead is how far the clock of the metrics server may be before the controller's.
const ahead = 5 * time.Minute

// usable reports whether a sample can be of a counter. A stale marker is not a number.
func usable(kind Kind, p analysis.Point, until int64) bool {
	if kind == Scrapes {
		return p.Value == 1 && p.At > 0 && p.At <= until
	}
	return p.Value >= 0 && !math.IsInf(p.Value, 0) && p.At > 0 && p.At <= until
}

// cleaned returns the samples that can be counted, in the order of their times and one for each time. It copies them only if it
// must.
func cleaned(kind Kind, samples []analysis.Point, until int64) []analysis.Point {
	dirty := false
	for i, p := range samples {
		if !usable(kind, p, until) || i > 0 && p.At <= samples[i-1].At {
			dirty = true
			break
		}
	}
	if !dirty {
		return samples
	}
	kept := slices.DeleteFunc(slices.Clone(samples), func(p analysis.Point) bool { return !usable(kind, p, until) })
	slices.SortStableFunc(kept, func(a, b analysis.Point) int { return cmp.Compare(a.At, b.At) })
	return slices.CompactFunc(kept, func(a, b analysis.Point) bool { return a.At == b.At })
}

// clean returns the series that can be counted, those of a pod or gateway together, and of these the ones of a histogram. The
// problems say what is wrong with the others.
func clean(p Poll) (series []Series, problems []string) {
	until := p.Now.Add(ahead).UnixMilli()
	series = make([]Series, 0, len(p.Series))
	early := false
	for _, s := range p.Series {
		if n := len(s.Samples); n > 0 && s.Samples[n-1].At > until {
			early = true
		}
		if s.Samples = cleaned(s.Kind, s.Samples, until); len(s.Samples) > 0 && s.Arm != Both && s.Arm <= Control && !math.IsNaN(s.Bound) {
			series = append(series, s)
		}
	}
	if early {
		problems = append(problems, fmt.Sprintf("samples are more than %s ahead of the controller's clock and are not counted: set the clock of the metrics server", ahead))
	}
	slices.SortFunc(series, func(a, b Series) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Family, b.Family),
			cmp.Compare(a.Bound, b.Bound), cmp.Compare(a.ID, b.ID))
	})
	return slices.CompactFunc(series, func(a, b Series) bool { return a.ID == b.ID }), problems
}
