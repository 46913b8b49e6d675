package guard

import (
	"flag"
	"math"
	"math/rand/v2"
	"time"
)

// many multiplies the number of simulated rollouts.
var many = flag.Int("many", 1, "multiply the number of simulated rollouts")

// dice is a seeded source of chance.
type dice struct{ *rand.Rand }

func seeded(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0x5ca1ab1e))} }

// binomial draws how many of n events happen, each with probability p. It is exact up to 200 expected events, else a rounded normal.
func (d dice) binomial(n int, p float64) int {
	switch {
	case p <= 0 || n <= 0:
		return 0
	case p >= 1:
		return n
	case p > .5:
		return n - d.binomial(n, 1-p)
	case float64(n)*p > 200:
		mean := float64(n) * p
		return min(max(int(math.Round(mean+math.Sqrt(mean*(1-p))*d.NormFloat64())), 0), n)
	}
	// Jump from one event to the next.
	count, at, skip := 0, 0, math.Log1p(-p)
	for {
		at += int(math.Log(1-d.Float64())/skip) + 1
		if at > n {
			return count
		}
		count++
	}
}

// poisson draws a number of arrivals. Above 200 it is a rounded normal, which is as good for arrivals.
func (d dice) poisson(mean float64) int {
	if mean > 200 {
		return max(int(math.Round(mean+math.Sqrt(mean)*d.NormFloat64())), 0)
	}
	count, left := 0, mean
	for left > 0 {
		left -= d.ExpFloat64()
		if left > 0 {
			count++
		}
	}
	return count
}

// world is a simulated rollout.
type world struct {
	settings Settings
	// steps are the weights in percent.
	steps []float64
	rps   float64
	poll  time.Duration
	// primary and canary are the error rates at a time.
	primary, canary func(time.Duration) float64
	// late is by how many polls the canary's samples are older than the primary's.
	late int
	// causes is how many causes of a burst there are a second on the whole route, each with a number of errors over a number of polls.
	causes              float64
	burstSize, burstFor int
	history             History
	// slowPrimary and slowCanary are the shares of requests slower than each of the history's bounds.
	slowPrimary, slowCanary []float64
	limit                   time.Duration
	// arms are those of all steps. The default is ArmsSplit.
	arms Arms
	// change changes the state before the first poll.
	change func(*State)
}

// result is how a simulated rollout ended.
type result struct {
	action Action
	reason Reason
	after  time.Duration
	// bad is the number of requests that the canary failed.
	bad float64
	// requests is the number of canary requests.
	requests float64
	// state is the last.
	state State
}

func steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// onLadder has the ladder and advances early.
func (w world) onLadder() world {
	w.steps, w.settings = Ladder(w.rps), plain(w.rps, 0, 0).settings
	w.settings.Latency = len(w.slowPrimary) > 0
	return w
}

// flaggers are the steps that Flagger's rule is measured with.
var flaggers = []float64{10, 20, 30, 40, 50}

// run runs the rollout until it ends.
func (w world) run(d dice) result {
	if w.arms == "" {
		w.arms = ArmsSplit
	}
	state := Start(w.settings, []Arms{w.arms}, w.history)
	if w.history.Windows == nil {
		state.Bursts = Bursts{1, 1}
	}
	if w.change != nil {
		w.change(&state)
	}
	step, since, now := 0, time.Duration(0), time.Duration(0)
	var r result
	var held []Counts
	var burst []int
	for now < w.limit {
		now += w.poll
		weight := w.steps[step] / 100
		arrivals := d.poisson(w.rps * w.poll.Seconds())
		canary := Counts{Requests: float64(d.binomial(arrivals, weight))}
		primary := Counts{Requests: float64(arrivals) - canary.Requests}
		canary.Errors = float64(d.binomial(int(canary.Requests), w.canary(now)))
		primary.Errors = float64(d.binomial(int(primary.Requests), w.primary(now)))
		burst = w.burst(d, burst, weight, &canary, &primary)
		canary.Timed, canary.Slower = canary.Requests, d.slower(canary.Requests, w.slowCanary)
		primary.Timed, primary.Slower = primary.Requests, d.slower(primary.Requests, w.slowPrimary)
		r.bad += canary.Errors
		r.requests += canary.Requests
		held = append(held, canary)
		poll := &Poll{Primary: primary, Bounds: w.history.Bounds}
		if len(held) > w.late {
			poll.Canary, held = held[0], held[1:]
		}
		next := 100.0
		if step+1 < len(w.steps) {
			next = w.steps[step+1]
		}
		var decision Decision
		state, decision = Decide(w.settings, state, poll, Moment{Step: step + 1, Last: step+1 == len(w.steps), Weight: w.steps[step], Next: next,
			Arms: w.arms, InStep: now - since, Passed: w.poll, SincePoll: w.poll, Scrape: w.poll})
		r.action, r.reason, r.after, r.state = decision.Action, decision.Reason, now, state
		switch {
		case decision.Action == RollBack, decision.Action == Pause, decision.Action == Advance && step+1 == len(w.steps):
			return r
		case decision.Action == Advance:
			step, since = step+1, now
		case decision.Action == Return:
			step, since = step-1, now
		}
	}
	return r
}

// burst adds the errors of bursts. A burst is one cause on one arm: an equal part of its errors comes in each of its polls.
func (w world) burst(d dice, open []int, weight float64, canary, primary *Counts) []int {
	if w.causes == 0 {
		return nil
	}
	for range d.poisson(w.causes * w.poll.Seconds()) {
		side := 0
		if d.Float64() < weight {
			side = 1
		}
		for i := range w.burstFor {
			open = append(open, i*2+side)
		}
	}
	kept := open[:0]
	for _, b := range open {
		arm := primary
		if b%2 == 1 {
			arm = canary
		}
		if b >= 2 {
			kept = append(kept, b-2)
			continue
		}
		arm.Errors = min(arm.Errors+math.Round(float64(w.burstSize)/float64(w.burstFor)), arm.Requests)
	}
	return kept
}

// slower draws how many requests are slower than each bound.
func (d dice) slower(requests float64, shares []float64) []float64 {
	slower, left, above := make([]float64, len(shares)), int(requests), 1.0
	for i, share := range shares {
		left = d.binomial(left, share/above)
		slower[i], above = float64(left), share
	}
	return slower
}

// pods draws an hour of the primary's history, in windows of a minute with equal pods. A cause of a burst hits one pod.
func (d dice) pods(pods int, w world) [][]Counts {
	windows := make([][]Counts, 60)
	for i := range windows {
		window := make([]Counts, pods)
		for j := range window {
			n := d.poisson(w.rps * 60 / float64(pods))
			window[j].Requests, window[j].Errors = float64(n), float64(d.binomial(n, w.primary(0)))
			window[j].Timed, window[j].Slower = window[j].Requests, d.slower(window[j].Requests, w.slowPrimary)
		}
		for range d.poisson(w.causes * 60) {
			pod := &window[d.IntN(pods)]
			pod.Errors = min(pod.Errors+float64(w.burstSize), pod.Requests)
		}
		windows[i] = window
	}
	return windows
}

// plain is a rollout with the default settings and errors alone.
func plain(rps, primary, canary float64) world {
	settings := DefaultSettings()
	settings.Latency = false
	return world{settings: settings, steps: Ladder(rps), rps: rps, poll: 5 * time.Second,
		primary: steady(primary), canary: steady(canary), limit: 2 * time.Hour}
}

// onFlaggers has Flagger's schedule.
func (w world) onFlaggers() world {
	w.steps, w.settings.Early = flaggers, false
	w.settings.FinalWait, w.settings.OnInconclusive = w.settings.MaxDwell, ThenPromote
	return w
}

// summary counts results.
type summary struct {
	n, rolledBack, promoted, paused float64
	bad, after, promotedAfter       float64
	reasons                         map[Reason]int
}

func (w world) times(n int, seed uint64) summary {
	s := summary{reasons: map[Reason]int{}}
	for i := range n * *many {
		r := w.run(seeded(seed*1_000_003 + uint64(i)))
		s.n++
		s.bad += r.bad
		switch r.action {
		case RollBack:
			s.rolledBack++
			s.after += r.after.Seconds()
		case Advance:
			s.promoted++
			s.promotedAfter += r.after.Seconds()
		default:
			s.paused++
		}
		s.reasons[r.reason]++
	}
	return s
}
