package forecast

import (
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// UsualScrape is the time between two scrapes where it is not known.
const UsualScrape = 15 * time.Second

// mostRate is the largest number of requests a second that is simulated. Beyond it, a step lasts as long as its least time and its scrapes do,
// so what it hits grows with the rate.
const mostRate = 5000

// App is what is known of an app before a rollout.
type App struct {
	// Before is what the primary did in the last hour.
	Before polls.Before
	// Pods is the number of its pods. ByPod means that each is scraped by itself, so that the canary is scraped at another time.
	Pods  int
	ByPod bool
	// Scrape is the time between two scrapes; 0 if it is not known.
	Scrape time.Duration
}

// every is the time between two scrapes in whole seconds.
func (a App) every() traffic.Seconds {
	if a.Scrape <= 0 {
		return int64(UsualScrape / time.Second)
	}
	return max(1, int64(a.Scrape.Round(time.Second)/time.Second))
}

// scenario is the app's traffic with a canary that fails some more of its requests, 0 to 1, or takes longer by a factor.
func (a App) scenario(settings guard.Settings, more, slower float64) traffic.Scenario {
	base := a.Before.Errors
	s := traffic.Scenario{
		Rate: min(a.Before.Rate, mostRate), Base: base, Canary: base + float64((1-base)*more), Latency: slower, Pods: a.Pods,
		Scrape: traffic.Scrape{Every: a.every()},
	}
	start := a.start(settings)
	if start.Bursts.Health > 1 {
		s.Burst = traffic.Burst{Size: start.Bursts.Health}
	}
	if a.ByPod {
		s.Scrape.Skew = s.Scrape.Every / 2
	}
	s.Timed, s.Latencies = a.timed(start)
	return s
}

// start is what the guard makes of the last hour.
func (a App) start(settings guard.Settings) guard.State {
	return guard.Start(settings, []guard.Arms{guard.ArmsSplit}, a.Before.History)
}

// timed are the durations at the bounds that the guard tests, and at those of a limit. It is false if nothing counts durations.
func (a App) timed(start guard.State) (timed traffic.Timed, counted bool) {
	var bounds []float64
	for _, b := range start.Bounds[:start.BoundCount] {
		bounds = append(bounds, b.Seconds)
	}
	for _, b := range []float64{start.Limit.Below, start.Limit.Above} {
		if b > 0 {
			bounds = append(bounds, b)
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	for i, bound := range bounds[:min(len(bounds), len(timed.Seconds))] {
		timed.Seconds[i], timed.Slower[i] = bound, a.slower(bound)
	}
	return timed, len(bounds) > 0
}

// slower is the share of the primary's requests that took longer than a bound of its histogram.
func (a App) slower(bound float64) float64 {
	at := slices.Index(a.Before.History.Bounds, bound)
	timed, slow := 0.0, 0.0
	for _, window := range a.Before.History.Windows {
		for _, pod := range window {
			if at >= 0 && at < len(pod.Slower) {
				timed, slow = timed+pod.Timed, slow+pod.Slower[at]
			}
		}
	}
	return slow / max(1, timed)
}

// Notes say how the simulated traffic differs from the app's.
func (a App) Notes() []string {
	var notes []string
	if a.Scrape <= 0 {
		notes = append(notes, "how often the metrics are scraped is not known: every "+short(UsualScrape)+" is assumed")
	}
	if a.Before.Rate > mostRate {
		notes = append(notes, fmt.Sprintf("rollouts are simulated with %d requests a second, and what they hit is multiplied", mostRate))
	}
	return notes
}
