package rule_test

import "math"

// exact is what theory says of Flagger's rule.
type exact struct {
	// rolledBack is the probability of a rollback. seconds and bad are means of the rollouts that end so.
	rolledBack, seconds, bad float64
}

// interval is what theory says of one interval with a mean number of requests: the probability that its check fails, and the mean
// number of bad requests in intervals that fail and in those that pass, each times its probability.
type interval func(mean, p float64) (fails, badOfFailed, badOfPassed float64)

// exactFlagger follows all ways that a rollout may take: passed intervals and failed intervals, each with its probability.
func exactFlagger(rps, canary float64, threshold int, check interval) exact {
	const lasts = 60
	shares := []float64{.1, .2, .3, .4, .5}
	type state struct{ p, seconds, bad float64 }
	at := make([][]state, len(shares)+1)
	for i := range at {
		at[i] = make([]state, threshold+1)
	}
	at[0][0].p = 1
	add := func(to *state, from state, p, bad float64) {
		to.p += from.p * p
		to.seconds += from.seconds*p + lasts*from.p*p
		to.bad += from.bad*p + from.p*bad
	}
	var end exact
	for i, share := range shares {
		mean := rps * share * lasts
		fails, badOfFailed, badOfPassed := check(mean, canary)
		for failed := range threshold {
			add(&at[i][failed+1], at[i][failed], fails, badOfFailed)
			add(&at[i+1][failed], at[i][failed], 1-fails, badOfPassed)
		}
		lost := at[i][threshold]
		end.rolledBack += lost.p
		end.seconds += lost.seconds + lasts*lost.p
		end.bad += lost.bad + mean*canary*lost.p
	}
	end.seconds /= end.rolledBack
	end.bad /= end.rolledBack
	return end
}

// randomCounts is an interval whose number of requests is random, as it is in traffic.
func randomCounts(mean, p float64) (fails, badOfFailed, badOfPassed float64) {
	errors, successes := poisson(mean*p), poisson(mean*(1-p))
	upTo := make([]float64, len(successes)+1)
	for i, each := range successes {
		upTo[i+1] = upTo[i] + each
	}
	fails = errors[0] * successes[0]
	for e, each := range errors[1:] {
		// The check fails if there are fewer than 99 successes for each error.
		few := each * upTo[min(len(upTo)-1, 99*(e+1))]
		fails += few
		badOfFailed += few * float64(e+1)
	}
	return fails, badOfFailed, mean*p - badOfFailed
}

// publishedCounts is the interval that the published table was computed with: more than 2,000 requests are taken for a fixed number,
// and an interval is taken to have as many bad requests whether it fails or passes.
func publishedCounts(mean, p float64) (fails, badOfFailed, badOfPassed float64) {
	if mean <= 2000 {
		fails, _, _ = randomCounts(mean, p)
		return fails, fails * mean * p, (1 - fails) * mean * p
	}
	n := math.Round(mean)
	for e := math.Floor(n/100) + 1; e <= n; e++ {
		fails += math.Exp(logFactorial(n) - logFactorial(e) - logFactorial(n-e) + e*math.Log(p) + (n-e)*math.Log(1-p))
	}
	return fails, fails * mean * p, (1 - fails) * mean * p
}

// poisson returns the probabilities of 0, 1, 2 and so on, as far as they matter.
func poisson(mean float64) []float64 {
	all := make([]float64, int(mean+12*math.Sqrt(mean)+30))
	for i := range all {
		all[i] = math.Exp(float64(i)*math.Log(mean) - mean - logFactorial(float64(i)))
	}
	return all
}

func logFactorial(n float64) float64 {
	logarithm, _ := math.Lgamma(n + 1)
	return logarithm
}
