package guard

import "math"

// RatioTest compares the canary with a control: it tests that p_c <= Rho * p_p + Delta, or for acceptance that it is above.
type RatioTest struct {
	// Rho is how many times the control's rate is the boundary. Delta is what is added to it.
	Rho, Delta float64
}

// lr is the log likelihood ratio of a poll, if the canary's rate were multiple times the boundary. A poll in which either arm had no
// events says nothing.
func (t RatioTest) lr(canary, control Pair, multiple, logMultiple float64) float64 {
	if canary.Total <= 0 || control.Total <= 0 {
		return 0
	}
	exposed := t.Rho * canary.Total
	c := (exposed + control.Total) / (multiple*exposed + control.Total)
	return canary.Bad*logMultiple + (canary.Bad+control.Bad)*math.Log(c) - t.Delta*canary.Total*(multiple*c-1)
}

// harm returns the log likelihood ratios of a poll for each alternative that is worse than the boundary.
func (t RatioTest) harm(canary, control Pair) (lr [harmful]float64) {
	for j, m := range harms {
		lr[j] = t.lr(canary, control, m, harmLogs[j])
	}
	return lr
}

// health returns them for each alternative that is better.
func (t RatioTest) health(canary, control Pair) (lr [healthy]float64) {
	for j, m := range healths {
		lr[j] = t.lr(canary, control, m, healthLogs[j])
	}
	return lr
}

// RateTest compares the canary with a number: it tests that p <= Rate, or for acceptance that it is above.
type RateTest struct {
	// Rate is the boundary, above 0 and below 1.
	Rate float64
}

// stake is what a bad and a good event add to the log likelihood ratio of an alternative.
type stake struct{ bad, good float64 }

// ratios writes the log likelihood ratios of events for some alternatives.
func (p Pair) ratios(into []float64, of []stake) {
	for j, s := range of {
		into[j] = p.Bad*s.bad + (p.Total-p.Bad)*s.good
	}
}

// stake returns what events add if the rate were multiple times the boundary.
func (t RateTest) stake(multiple, logMultiple float64) stake {
	return stake{logMultiple, math.Log((1 - multiple*t.Rate) / (1 - t.Rate))}
}

// harmStakes are those of each alternative that is worse than the boundary. A multiple that is no probability is replaced by a large
// one.
func (t RateTest) harmStakes() (all [harmful]stake) {
	largest := max(highest, (1+t.Rate)/2) / t.Rate
	unlikely := t.stake(largest, math.Log(largest))
	for j, m := range harms {
		if all[j] = unlikely; m*t.Rate <= highest {
			all[j] = t.stake(m, harmLogs[j])
		}
	}
	return all
}

// healthStakes are those of each alternative that is better.
func (t RateTest) healthStakes() (all [healthy]stake) {
	for j, m := range healths {
		all[j] = t.stake(m, healthLogs[j])
	}
	return all
}

// harm returns the log likelihood ratios of a poll for each alternative that is worse than the boundary.
func (t RateTest) harm(events Pair) (lr [harmful]float64) {
	all := t.harmStakes()
	events.ratios(lr[:], all[:])
	return lr
}

// health returns them for each alternative that is better.
func (t RateTest) health(events Pair) (lr [healthy]float64) {
	all := t.healthStakes()
	events.ratios(lr[:], all[:])
	return lr
}

// accepted is the evidence of all events so far that the rate is below the boundary. Without a cap and a reserve it depends on the
// sums alone, so an acceptance of a rate needs no state but these, and every boundary can be asked afterwards.
func (t RateTest) accepted(events Pair, eta float64) float64 {
	all := t.healthStakes()
	return acceptedBy(&all, events, eta)
}

func acceptedBy(all *[healthy]stake, events Pair, eta float64) float64 {
	acceptance := NewAcceptance()
	var lr [healthy]float64
	events.ratios(lr[:], all[:])
	acceptance.update(&lr, eta)
	return acceptance.E()
}

// rejected is the evidence of all events so far that the rate is above the boundary, without a cap and a reserve.
func (t RateTest) rejected(events Pair, eta float64) float64 {
	all := t.harmStakes()
	return rejectedBy(&all, events, eta)
}

func rejectedBy(all *[harmful]stake, events Pair, eta float64) float64 {
	m := mixture(1)
	var lr [harmful]float64
	events.ratios(lr[:], all[:])
	m.update(&lr, eta, steepest)
	return m.E()
}

// harmLogs and healthLogs are the logarithms of the grids.
var harmLogs, healthLogs = func() (harm [harmful]float64, health [healthy]float64) {
	for j, m := range harms {
		harm[j] = math.Log(m)
	}
	for j, m := range healths {
		health[j] = math.Log(m)
	}
	return harm, health
}()
