package rule

import (
	"fmt"
	"math"
	"slices"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// Kayenta is the judge of Kayenta: after each interval, the Mann-Whitney test compares the error rates of all intervals so far at both
// versions. The weight does not change.
type Kayenta struct {
	// Interval is the time that one point stands for.
	Interval traffic.Seconds
	// Points is how many are compared before the promotion.
	Points int
	// Share is the weight, 0 to 1.
	Share float64
}

const (
	// critical is the 99th percentile of the normal distribution: Kayenta's confidence of 0.98 at two sides.
	critical = 2.3263478740408408
	// tolerance is the part of the estimated shift that is borne.
	tolerance = 0.25
	// strictly makes a shift of 0, which most points without errors have, no higher than what is borne.
	strictly = 1e-9
	// fewestPoints is where the test can reach its critical value at all.
	fewestPoints = 5
)

// Name is the rule with its settings.
func (k Kayenta) Name() string { return fmt.Sprintf("Kayenta %dx%ds", k.Points, k.Interval) }

// Begin starts a rollout.
func (k Kayenta) Begin(Before) Run { return &kayentaRun{Kayenta: k} }

type kayentaRun struct {
	Kayenta
	lastCanary, lastPrimary traffic.Counter
	canary, primary         []float64
}

// Next judges after each interval.
func (r *kayentaRun) Next(view traffic.View) Decision {
	stay := Decision{Share: r.Share}
	if view.At == 0 || view.At%r.Interval != 0 {
		return stay
	}
	r.canary = withRate(r.canary, view.Canary.Minus(r.lastCanary))
	r.primary = withRate(r.primary, view.Primary.Minus(r.lastPrimary))
	r.lastCanary, r.lastPrimary = view.Canary, view.Primary
	enough := len(r.canary) >= fewestPoints && len(r.primary) >= fewestPoints
	switch {
	case enough && isHigher(r.canary, r.primary):
		return Decision{Outcome: RolledBack, Why: "the error rate is high"}
	case view.At >= int64(r.Points)*r.Interval:
		return Decision{Share: 1, Outcome: Promoted}
	}
	return stay
}

// withRate adds the error rate of an interval. An interval without requests is no point.
func withRate(points []float64, counted traffic.Counter) []float64 {
	if counted.Requests == 0 {
		return points
	}
	return append(points, float64(counted.Errors)/float64(counted.Requests))
}

// isHigher reports whether the canary's points are higher: the confidence interval of the shift lies above the part of the shift that
// is borne, which is so if the test still rejects after the points are lowered by that part.
func isHigher(canary, primary []float64) bool {
	borne := tolerance*math.Abs(shift(canary, primary)) + strictly
	lowered := make([]float64, len(canary))
	for i, value := range canary {
		lowered[i] = value - borne
	}
	return standardized(lowered, primary) > critical
}

// shift is the estimate of Hodges and Lehmann: the median of all differences.
func shift(canary, primary []float64) float64 {
	differences := make([]float64, 0, len(canary)*len(primary))
	for _, a := range canary {
		for _, b := range primary {
			differences = append(differences, a-b)
		}
	}
	slices.Sort(differences)
	middle := len(differences) / 2
	if len(differences)%2 == 1 {
		return differences[middle]
	}
	return (differences[middle-1] + differences[middle]) / 2
}

// standardized is the statistic of Mann and Whitney in standard deviations, with the corrections for ties and continuity.
func standardized(canary, primary []float64) float64 {
	all := slices.Concat(canary, primary)
	slices.Sort(all)
	n, m, total := float64(len(canary)), float64(len(primary)), float64(len(all))
	ties := 0.0
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to] == all[from] {
			to++
		}
		same := float64(to - from)
		ties += same*same*same - same
		from = to
	}
	greater := 0.0
	for _, a := range canary {
		for _, b := range primary {
			switch {
			case a > b:
				greater++
			case a == b:
				greater += 0.5
			}
		}
	}
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return 0
	}
	return (greater - n*m/2 - 0.5) / math.Sqrt(variance)
}
