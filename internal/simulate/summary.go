package simulate

import (
	"math"
	"slices"

	"sluice.dev/sluice/internal/simulate/rule"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// Margins say which canary is healthy.
type Margins struct {
	// Rho and Delta are the margin to the primary's error rate, SLO the error rate that a healthy version keeps below.
	Rho, Delta, SLO float64
}

// Healthy reports whether a canary should be promoted: its errors are within all margins, and it is not slower than the primary.
func (m Margins) Healthy(s traffic.Scenario) bool {
	const rounding = 1e-12
	return s.Canary <= min(m.Rho*s.Base+m.Delta, max(m.SLO, s.Base))+rounding && s.Latency <= 1
}

// Share is a part of the rollouts.
type Share struct {
	// Count is how many rollouts, Value their part of all.
	Count int     `json:"count"`
	Value float64 `json:"value"`
	// Low and High are the ends of Wilson's interval at 95 % confidence.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// shareOf returns a part of the rollouts with Wilson's interval, which is right for parts near 0 and 1, too.
func shareOf(count, of int) Share {
	const z = 1.959963984540054
	n, p := float64(of), float64(count)/float64(of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Share{Count: count, Value: p, Low: max(0, middle-half), High: min(1, middle+half)}
}

// Spread is how a number is spread; all 0 if there is none.
type Spread struct {
	// Mean is the mean, and Error its standard error.
	Mean  float64 `json:"mean"`
	Error float64 `json:"error"`
	// P95 is the 95th percentile.
	P95 float64 `json:"p95"`
}

func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	n, squares := float64(len(values)), 0.0
	for _, value := range values {
		squares += float64((value - sum/n) * (value - sum/n))
	}
	return Spread{Mean: sum / n, Error: math.Sqrt(squares / max(1, n-1) / n), P95: values[(len(values)*95+99)/100-1]}
}

// Summary is how the rollouts of one scenario under one rule ended.
type Summary struct {
	// RolledBack, Promoted, Paused and Open are the parts that ended so; Open is still open after six hours.
	RolledBack Share `json:"rolledBack"`
	Promoted   Share `json:"promoted"`
	Paused     Share `json:"paused"`
	Open       Share `json:"open"`
	// Wrong is the part that is wrong: rolled back although healthy, or promoted although not.
	Wrong Share `json:"wrong"`
	// Reasons are what decided the rollbacks, and how often.
	Reasons map[string]int `json:"reasons,omitempty"`
	// Seconds and Bad are how long rollbacks took, and how many requests failed at the canary until then.
	Seconds Spread `json:"seconds"`
	Bad     Spread `json:"bad"`
	// Failed is how many requests failed at the canary in all rollouts, until they ended.
	Failed Spread `json:"failed"`
	// PromotionSeconds is how long promotions took.
	PromotionSeconds Spread `json:"promotionSeconds"`
	// Harm is how many requests failed at the candidate in all rollouts, with ten minutes after those that it survived.
	Harm Spread `json:"harm"`
}

// summarize summarizes the rollouts of a scenario.
func summarize(scenario traffic.Scenario, healthy bool, all []Played) Summary {
	count, reasons := map[rule.Outcome]int{}, map[string]int{}
	var seconds, bad, failed, promotion, harm []float64
	for _, each := range all {
		count[each.Outcome]++
		harm, failed = append(harm, each.harm(scenario)), append(failed, float64(each.Bad))
		switch each.Outcome {
		case rule.RolledBack:
			reasons[each.Why]++
			seconds, bad = append(seconds, float64(each.Took)), append(bad, float64(each.Bad))
		case rule.Promoted:
			promotion = append(promotion, float64(each.Took))
		}
	}
	wrong := count[rule.Promoted]
	if healthy {
		wrong = count[rule.RolledBack]
	}
	of := func(count int) Share { return shareOf(count, len(all)) }
	return Summary{RolledBack: of(count[rule.RolledBack]), Promoted: of(count[rule.Promoted]), Paused: of(count[rule.Paused]), Open: of(count[rule.Open]),
		Wrong: of(wrong), Reasons: reasons, Seconds: spreadOf(seconds), Bad: spreadOf(bad), Failed: spreadOf(failed), PromotionSeconds: spreadOf(promotion), Harm: spreadOf(harm)}
}
