package guard

import "slices"

// Bursts is how many bad events one cause has, at a guess. Each log likelihood ratio is divided by it.
type Bursts struct {
	// Harm is the factor of tests for harm, and of lower bounds. It assumes bursts until they are seen not to be: a healthy canary that
	// is rolled back is the worse mistake.
	Harm float64
	// Health is the factor of acceptances, and of upper bounds. It assumes none until they are seen: otherwise every rollout of a service
	// with few errors would take twice as long, for bursts that it most likely does not have.
	Health float64
}

// unseen are the bursts of what has no history.
func unseen() Bursts { return Bursts{Harm: unknownBursts, Health: 1} }

// bursts estimates how many bad events one cause has. Errors of one cause are no independent evidence: with a factor of 20,
// twenty of them count as one.
//
// It compares the primary's pods, which run the same version: what differs between them beyond chance comes in bursts. In each
// window a pod is expected to have its share of the window's errors, by requests. Where pods cannot be told apart, windows stand in
// for them.
func (h History) bursts(of func(*Counts) Pair) Bursts {
	squares, expected, compared := 0.0, 0.0, false
	for _, window := range h.Windows {
		all := sumOf(window, of)
		for i := range window {
			pod := of(&window[i])
			if pod.Total <= 0 || pod.Total >= all.Total {
				continue
			}
			compared = true
			square, variance := apart(pod, all)
			squares, expected = squares+square, expected+variance
		}
	}
	if !compared {
		// A smaller factor is no more than chance in an hour's windows.
		if factor := h.burstsInTime(of); factor > unknownBursts {
			return Bursts{Harm: factor, Health: factor}
		}
		return unseen()
	}
	shrunk := func(to float64) float64 {
		return min(max((squares+to*burstErrors)/(expected+burstErrors), 1), mostBursts)
	}
	return Bursts{Harm: shrunk(unknownBursts), Health: shrunk(1)}
}

// apart returns the squared deviation of a part's bad events from its share of all, and its variance if they are independent.
func apart(part, all Pair) (square, variance float64) {
	share := part.Total / all.Total
	deviation := part.Bad - all.Bad*share
	return deviation * deviation, all.Bad * share * (1 - share)
}

// burstsInTime estimates the factor from windows next to each other, of the whole arm, and returns 0 if too few have errors. It looks
// at the upper quartile of the deviations, not at their mean: an outage in the last hour, which hits all pods, is in few pairs of
// windows, and must not make the guard blind.
func (h History) burstsInTime(of func(*Counts) Pair) float64 {
	var ratios []float64
	for i := range max(len(h.Windows)-1, 0) {
		this, next := sumOf(h.Windows[i], of), sumOf(h.Windows[i+1], of)
		if square, variance := apart(this, plus(this, next)); variance > 0 {
			ratios = append(ratios, square/variance)
		}
	}
	if len(ratios) < leastPairs {
		return 0
	}
	slices.Sort(ratios)
	return min(ratios[len(ratios)*3/4]/upperQuartile, mostBursts)
}

func sumOf(window []Counts, of func(*Counts) Pair) Pair {
	var all Pair
	for i := range window {
		all = plus(all, of(&window[i]))
	}
	return all
}

func (h History) total(of func(*Counts) Pair) Pair {
	var all Pair
	for _, window := range h.Windows {
		all = plus(all, sumOf(window, of))
	}
	return all
}
