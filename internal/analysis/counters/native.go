package counters

import (
	"math"
	"slices"
	"strconv"

	"sluice.dev/sluice/internal/analysis"
)

// shortest and longest are the bounds in milliseconds between which a native histogram is read.
const shortest, longest = 0.9, 70_000

// appendNative appends a native histogram as the buckets of a classic one. Its own bounds become fewer when there are many, so
// only powers of two of its unit are used, which it keeps. Where a bucket reaches beyond such a bound, the requests on either
// side are not known, and the sample is left out.
func appendNative(series []Series, of Series, histograms []analysis.HistogramPoint, perMillisecond float64) []Series {
	of.Kind, of.Samples = Bucket, nil
	family := of.ID
	for _, bound := range append(powers(perMillisecond), math.Inf(1)) {
		s := of
		s.Bound, s.Family = bound/perMillisecond, family
		s.ID = (family + hashed("le", strconv.FormatFloat(bound, 'g', -1, 64))) & identity
		for _, h := range histograms {
			if value, exact := below(h, bound); exact {
				s.Samples = append(s.Samples, analysis.Point{At: h.At, Value: value})
			}
		}
		series = append(series, s)
	}
	return slices.DeleteFunc(series, func(s Series) bool { return len(s.Samples) == 0 && s.Kind == Bucket && s.Family == family })
}

// powers returns the powers of two that are used, in the unit of the histogram.
func powers(perMillisecond float64) []float64 {
	var bounds []float64
	for exponent := math.Ceil(math.Log2(shortest * perMillisecond)); math.Exp2(exponent) <= longest*perMillisecond; exponent++ {
		bounds = append(bounds, math.Exp2(exponent))
	}
	return bounds
}

// below returns how many observations were not above a bound. It is not exact if one bucket has observations on both sides.
func below(h analysis.HistogramPoint, bound float64) (count float64, exact bool) {
	if math.IsInf(bound, 1) {
		return h.Count, true
	}
	for _, b := range h.Buckets {
		switch {
		case b.Upper <= bound:
			count += b.Count
		case b.Lower < bound:
			return 0, false
		}
	}
	return count, true
}
