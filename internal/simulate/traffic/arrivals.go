package traffic

import (
	"math"
	"sort"
)

// arrivals is the distribution of the number of requests in one second: Poisson, as a table of cumulative fractions.
type arrivals struct {
	// first is the number that the first entry is for.
	first int64
	// upTo are the probabilities of at most as many requests.
	upTo []fraction
}

// tails is how many standard deviations the table reaches from the mean.
const tails = 12

// arrivalsOf makes the table for a mean. Each entry follows from its neighbour by a multiplication and a division, which give the same
// result on every machine, as exponentials do not.
func arrivalsOf(mean float64) arrivals {
	if mean <= 0 {
		return arrivals{upTo: []fraction{math.MaxUint64}}
	}
	reach := tails*math.Sqrt(mean) + tails
	mode := math.Floor(mean)
	first, last := int64(max(0, mode-reach)), int64(mode+reach)
	weights := make([]float64, last-first+1)
	at := int64(mode) - first
	weights[at] = 1
	for i := at - 1; i >= 0; i-- {
		weights[i] = weights[i+1] * float64(first+i+1) / mean
	}
	for i := at + 1; i < int64(len(weights)); i++ {
		weights[i] = weights[i-1] * mean / float64(first+i)
	}
	total := 0.0
	for _, weight := range weights {
		total += weight
	}
	table := arrivals{first: first, upTo: make([]fraction, len(weights))}
	sum := 0.0
	for i, weight := range weights {
		sum += weight
		table.upTo[i] = fractionOf(sum / total)
	}
	table.upTo[len(weights)-1] = math.MaxUint64
	return table
}

// draw returns how many requests arrive.
func (a arrivals) draw(k key) int64 {
	drawn := fraction(k.at(0))
	return a.first + int64(sort.Search(len(a.upTo)-1, func(i int) bool { return drawn < a.upTo[i] }))
}
