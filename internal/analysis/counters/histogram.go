package counters

import (
	"math"

	"sluice.dev/sluice/internal/analysis"
)

// histogram adds the increments of the buckets of one histogram, in the order of their bounds. It returns what is wrong with
// them, or nothing.
func (l *look) histogram(t seen, buckets []Series, counts *Increments) (problem string) {
	all := buckets[len(buckets)-1]
	if !math.IsInf(all.Bound, 1) {
		return `a histogram has no bucket with le="+Inf" and is not counted: its latencies cannot be judged`
	}
	var some [16]int64
	resets := some[:0]
	for _, b := range buckets {
		resets = falls(resets, b.Samples, l.base(t, b))
	}
	from := l.base(t, all)
	timed, until := grown(all.Samples, from, resets)
	if timed <= 0 || math.IsInf(timed, 0) {
		return ""
	}
	for i, b := range buckets[:len(buckets)-1] {
		base := l.base(t, b)
		faster, last := grown(b.Samples, base, resets)
		switch {
		case b.Bound == buckets[i+1].Bound || !sameTimes(base, from) || !sameTimes(last, until):
		case faster > timed:
			problem = "a bucket of a histogram grew by more than all of its requests and is not counted"
		case !counts.addSlower(b, timed, timed-faster):
			problem = "the histograms have too many bounds, of which the first 64 are counted: give all pods and gateways the same ones"
		}
	}
	return problem
}

// addSlower adds the requests that were slower than the bound of a bucket. It is false if there are too many bounds.
func (i *Increments) addSlower(bucket Series, timed, slower float64) (fits bool) {
	fits = true
	i.add(bucket.Pod, func(c *Counts) { fits = c.slower(bucket.Bound, timed, slower) && fits })
	return fits
}

// sameTimes reports whether a bucket and its histogram were read in the same scrape. Else requests could be in one of them only.
func sameTimes(a, b analysis.Point) bool { return a.At == b.At }
