package guard

// bursts estimates how many bad events one cause has. Errors of one cause are no independent evidence: with a factor of 20,
// twenty of them count as one.
//
// It compares the primary's pods, which run the same version: what differs between them beyond chance comes in bursts. In each
// window a pod is expected to have its share of the window's errors, by requests. Without two pods to compare, the factor is
// unknownBursts.
func (h History) bursts(of func(*Counts) Pair) float64 {
	squares, expected, compared := 0.0, 0.0, false
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
			compared = true
			share := pod.Total / all.Total
			deviation := pod.Bad - all.Bad*share
			squares += deviation * deviation
			expected += all.Bad * share * (1 - share)
		}
	}
	if !compared {
		return unknownBursts
	}
	return min(max((squares+unknownBursts*burstErrors)/(expected+burstErrors), 1), mostBursts)
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
