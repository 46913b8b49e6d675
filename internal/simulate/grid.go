package simulate

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// Grid is a file of scenarios: each field lists the values of one axis, and every combination is a scenario. An axis that is left out
// has one value, which changes nothing. Errors are in percent.
type Grid struct {
	// RequestsPerSecond are the mean rates of requests, to both versions together, above 0 up to 100,000.
	RequestsPerSecond []float64 `json:"requestsPerSecond"`
	// PrimaryErrors and CanaryErrors are the percentages of requests that fail.
	PrimaryErrors []float64 `json:"primaryErrors"`
	CanaryErrors  []float64 `json:"canaryErrors"`
	// CanaryLatency is by what the durations of the canary's requests are multiplied, 0.01 to 1000.
	CanaryLatency []float64 `json:"canaryLatency,omitempty"`
	// Onset is when the canary's errors and latency begin.
	Onset []metav1.Duration `json:"onset,omitempty"`
	// Outages make requests of both versions fail for a while.
	Outages []GridOutage `json:"outages,omitempty"`
	// Bursts make errors come together.
	Bursts []GridBurst `json:"bursts,omitempty"`
	// Scrapes are how the counters are read.
	Scrapes []GridScrape `json:"scrapes,omitempty"`
	// WarmUps are how slow the canary is at first.
	WarmUps []GridWarmUp `json:"warmUps,omitempty"`
}

// GridOutage is a common cause of errors at both versions.
type GridOutage struct {
	// From is when it begins, For how long it lasts, Every the time from one beginning to the next.
	From  metav1.Duration `json:"from,omitempty"`
	For   metav1.Duration `json:"for,omitempty"`
	Every metav1.Duration `json:"every,omitempty"`
	// Errors is the percentage of requests that fails meanwhile.
	Errors float64 `json:"errors,omitempty"`
}

// GridBurst is a cause of several errors at one version.
type GridBurst struct {
	// Size is the mean number of errors, Over for how long they last.
	Size float64         `json:"size,omitempty"`
	Over metav1.Duration `json:"over,omitempty"`
}

// GridScrape is how the counters are read.
type GridScrape struct {
	// Interval is the time between two scrapes, Skew by how much the canary's are later than the primary's.
	Interval metav1.Duration `json:"interval,omitempty"`
	Skew     metav1.Duration `json:"skew,omitempty"`
	// Missing is the percentage of scrapes that fail.
	Missing float64 `json:"missing,omitempty"`
	// CanaryRestart and PrimaryRestart are when the counters begin at 0 again.
	CanaryRestart  metav1.Duration `json:"canaryRestart,omitempty"`
	PrimaryRestart metav1.Duration `json:"primaryRestart,omitempty"`
}

// GridWarmUp is how slow the canary is at first.
type GridWarmUp struct {
	// For is how long it lasts, Latency by what durations are multiplied meanwhile.
	For     metav1.Duration `json:"for,omitempty"`
	Latency float64         `json:"latency,omitempty"`
}

// mostScenarios is the largest number of combinations that a grid may have.
const mostScenarios = 10000

// Scenarios returns every combination, the first axis varying slowest.
func (g Grid) Scenarios() ([]traffic.Scenario, field.ErrorList) {
	if errs := g.validate(); len(errs) > 0 {
		return nil, errs
	}
	all := []traffic.Scenario{{}}
	all = by(all, g.RequestsPerSecond, func(s *traffic.Scenario, rate float64) { s.Rate = rate })
	all = by(all, g.PrimaryErrors, func(s *traffic.Scenario, percent float64) { s.Base = percent / 100 })
	all = by(all, g.CanaryErrors, func(s *traffic.Scenario, percent float64) { s.Canary = percent / 100 })
	all = by(all, g.CanaryLatency, func(s *traffic.Scenario, factor float64) { s.Latency, s.Latencies = factor, true })
	all = by(all, g.Onset, func(s *traffic.Scenario, onset metav1.Duration) { s.Onset = seconds(onset) })
	all = by(all, g.Outages, func(s *traffic.Scenario, o GridOutage) {
		s.Outage = traffic.Outage{From: seconds(o.From), For: seconds(o.For), Every: seconds(o.Every), Errors: o.Errors / 100}
	})
	all = by(all, g.Bursts, func(s *traffic.Scenario, b GridBurst) { s.Burst = traffic.Burst{Size: b.Size, Over: seconds(b.Over)} })
	all = by(all, g.Scrapes, func(s *traffic.Scenario, r GridScrape) {
		s.Scrape = traffic.Scrape{Every: seconds(r.Interval), Skew: seconds(r.Skew), Missing: r.Missing / 100,
			CanaryReset: seconds(r.CanaryRestart), PrimaryReset: seconds(r.PrimaryRestart)}
	})
	all = by(all, g.WarmUps, func(s *traffic.Scenario, w GridWarmUp) {
		s.Warm, s.WarmLatency, s.Latencies = seconds(w.For), w.Latency, true
	})
	return all, nil
}

// by combines scenarios with the values of an axis. An axis without values leaves them as they are.
func by[T any](all []traffic.Scenario, values []T, set func(*traffic.Scenario, T)) []traffic.Scenario {
	if len(values) == 0 {
		return all
	}
	combined := make([]traffic.Scenario, 0, len(all)*len(values))
	for _, scenario := range all {
		for _, value := range values {
			each := scenario
			set(&each, value)
			combined = append(combined, each)
		}
	}
	return combined
}

func seconds(d metav1.Duration) traffic.Seconds { return int64(d.Duration / time.Second) }
