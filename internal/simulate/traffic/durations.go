package traffic

import "math"

// Bounds are the upper bounds of the histogram's buckets in seconds: the defaults of Prometheus' clients.
var Bounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

const (
	// median and sigma describe the primary's durations, which are lognormal: a P99 of 322 ms.
	median = 0.05
	sigma  = 0.8
	// steps rounds the probabilities of durations, because the last bits of logarithms and exponentials differ between machines.
	steps = 1 << 30
)

// slower returns the probability that a request takes longer than each bound, with all durations multiplied by a factor.
func slower(factor float64) *[len(Bounds)]fraction {
	var slow [len(Bounds)]fraction
	for i, bound := range Bounds {
		p := math.Erfc(math.Log(bound/(median*factor))/(sigma*math.Sqrt2)) / 2
		slow[i] = fractionOf(math.Round(p*steps) / steps)
	}
	return &slow
}
