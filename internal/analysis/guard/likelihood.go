package guard

import "math"

// ratios are the ratios that Likelihood compares. Those from firstRatio on may be reported as an upper
// bound, those before lastRatio as a lower one.
var ratios = [ratioCount]float64{.003, .03, .1, .2, .35, .5, .65, .8, .9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2, 2.5, 3, 4, 5, 7, 10, 20}

const (
	ratioCount = 24
	firstRatio = 5
	lastRatio  = ratioCount - 2
)

// Likelihood is the log likelihood of each ratio of the canary's rate to the control's, given the errors and requests of both
// arms, relative to a ratio of 1. Its zero value has seen nothing.
//
// The difference for two ratios is the log likelihood ratio of RatioTest without Delta, so one small table gives an acceptance test
// for every bound.
type Likelihood [ratioCount]float64

// most bounds the logarithms. A difference of a few hundred decides everything already.
const most = 1e6

func (l *Likelihood) update(canary, control Pair) {
	if canary.Total <= 0 || control.Total <= 0 || canary.Bad+control.Bad <= 0 {
		return
	}
	for i, r := range ratios {
		mixed := (r*canary.Total + control.Total) / (canary.Total + control.Total)
		change := canary.Bad*math.Log(r) - (canary.Bad+control.Bad)*math.Log(mixed)
		if !math.IsNaN(change) {
			l[i] = min(max(l[i]+change, -most), most)
		}
	}
}

// accepted is the evidence that the ratio is below that at the index.
func (l *Likelihood) accepted(index int, eta float64) float64 {
	e := 0.0
	for _, below := range l[:index] {
		e += math.Exp(min(eta*(below-l[index]), steepest))
	}
	return e / float64(index)
}

// bound returns the smallest ratio that the canary is proven to be below with a chance of error of beta, or 0 if none is. A ratio counts
// only if all larger ones are proven, too: a claim that is wrong then implies that the true ratio was wrongly rejected, whose
// chance is beta, not a multiple.
func (l *Likelihood) bound(beta, eta float64) float64 {
	bound := 0.0
	for i := ratioCount - 1; i >= firstRatio && l.accepted(i, eta) >= 1/beta; i-- {
		bound = ratios[i]
	}
	return bound
}

// rejected is the evidence that the ratio is above that at the index.
func (l *Likelihood) rejected(index int, eta float64) float64 {
	e := 0.0
	for _, larger := range l[index+1:] {
		e += math.Exp(min(eta*(larger-l[index]), steepest))
	}
	return e / float64(ratioCount-1-index)
}

// above returns the largest ratio that the canary is proven to be above, or 0 if none is. All smaller ones must be proven, too.
func (l *Likelihood) above(beta, eta float64) float64 {
	above := 0.0
	for i := 0; i < lastRatio && l.rejected(i, eta) >= 1/beta; i++ {
		above = ratios[i]
	}
	return above
}
