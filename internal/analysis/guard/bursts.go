package guard

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
// window a pod is expected to have its share of the window's errors, by requests. Without two pods to compare, nothing is seen.
func (h History) bursts(of func(*Counts) Pair) Bursts {
	squares, expected := 0.0, 0.0
	for _, window := range h.Windows {
		var all Pair
		for i := range window {
			all = plus(all, of(&window[i]))
		}
		for i := range window {
			pod := of(&window[i])
			if pod.Total <= 0 || pod.Total >= all.Total {
				continue
			}
			share := pod.Total / all.Total
			deviation := pod.Bad - all.Bad*share
			squares += deviation * deviation
			expected += all.Bad * share * (1 - share)
		}
	}
	shrunk := func(to float64) float64 {
		return min(max((squares+to*burstErrors)/(expected+burstErrors), 1), mostBursts)
	}
	return Bursts{Harm: shrunk(unknownBursts), Health: shrunk(1)}
}

func (h History) total(of func(*Counts) Pair) Pair {
	var all Pair
	for _, window := range h.Windows {
		for i := range window {
			all = plus(all, of(&window[i]))
		}
	}
	return all
}
