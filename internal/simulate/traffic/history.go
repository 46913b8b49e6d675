package traffic

const (
	minute = 60
	// minutes is how much of the primary's history there is.
	minutes = 60
	// historyStream is apart from all seconds.
	historyStream = 1 << 62
)

// hour are the distributions of what one of the primary's pods counts in a minute. Requests that arrive at random and fail at random
// are as many as if failures and successes arrived by themselves, so two numbers stand for all requests of a minute.
type hour struct {
	pods              int
	burst             Burst
	causes, successes arrivals
	// between are the requests with durations between two bounds, the last those above all bounds; nil if durations are not counted.
	between []arrivals
}

func hourOf(s Scenario) hour {
	requests := s.Rate * minute / float64(s.pods())
	h := hour{pods: s.pods(), burst: Burst{Size: s.Burst.Size}, causes: arrivalsOf(requests * s.Base / max(1, s.Burst.Size)), successes: arrivalsOf(requests * (1 - s.Base))}
	if s.Latencies {
		rest := 1.0
		for _, slow := range s.slower(1)[:len(s.Bounds())] {
			p := slow.value()
			h.between = append(h.between, arrivalsOf(requests*(rest-p)))
			rest = p
		}
		h.between = append(h.between, arrivalsOf(requests*rest))
	}
	return h
}

// History returns what each of the primary's pods counted in each minute of the hour before the rollout. A cause of many errors hits
// one pod.
func (s Source) History(seed, repetition uint64) [][]Counter {
	history := make([][]Counter, minutes)
	k := key(seed).at(repetition).at(historyStream)
	flat := make([]Counter, minutes*s.before.pods)
	for i := range history {
		history[i] = flat[i*s.before.pods : (i+1)*s.before.pods]
		for pod := range history[i] {
			history[i][pod] = s.before.pod(k.at(uint64(i)).at(uint64(pod)))
		}
	}
	return history
}

// pod is one minute of one pod. A minute is longer than most bursts, so all their errors are in it.
func (h hour) pod(k key) Counter {
	causes := h.causes.draw(k.at(streamOutcomes))
	c := Counter{Errors: causes, Requests: causes + h.successes.draw(k.at(streamArrivals))}
	if h.burst.Size > 1 {
		var due bursts
		due.begin(k.at(streamBursts), causes, h.burst, 0)
		c.Errors = due.happen(c.Requests, 0)
	}
	for i := len(h.between) - 1; i >= 0; i-- {
		c.Timed += h.between[i].draw(k.at(streamDurations).at(uint64(i)))
		if i > 0 {
			c.Slow[i-1] = c.Timed
		}
	}
	return c
}
