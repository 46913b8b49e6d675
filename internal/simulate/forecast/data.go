package forecast

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
)

// What a check will have.
const (
	// HasData is a check that can judge each step.
	HasData = "yes"
	// HasFew is one that cannot judge every step.
	HasFew = "few"
	// HasNone is one that cannot judge.
	HasNone = "no"
	// NotAsked is one of which that is not known.
	NotAsked = "unknown"
)

// Data says whether a check will have data.
type Data struct {
	Check string `json:"check"`
	// Has is HasData, HasFew, HasNone or NotAsked.
	Has string `json:"has"`
	// Why says what it has, or what it lacks and what to do.
	Why string `json:"why"`
}

// Data says which checks of the policy will have data. raw is how the counters are read. Answers say of the metrics with queries, by name,
// what was answered about the primary.
func (q Question) Data(raw analysis.Raw, answers map[string]Data) []Data {
	var all []Data
	if q.Policy.Guard.Enabled {
		all = append(all, q.errorData())
		if scrapes, rare := q.scrapeData(); rare {
			all = append(all, scrapes)
		}
		if q.Policy.Guard.Latency {
			all = append(all, q.latencyData(raw))
		}
		if limit, tested := analysis.GuardLimit(q.Policy); tested {
			all = append(all, q.limitData(limit, raw))
		}
	}
	for _, check := range analysis.ChecksOf(q.Policy) {
		if check.Metric == analysis.Custom {
			all = append(all, answerTo(check.Name, answers))
			continue
		}
		all = append(all, q.checkData(check, raw))
	}
	for _, pair := range analysis.PairsOf(q.Policy) {
		all = append(all, answerTo(pair.Name, answers))
	}
	return all
}

func answerTo(name string, answers map[string]Data) Data {
	if known, has := answers[name]; has {
		return known
	}
	return Data{name, NotAsked, "its query was not asked"}
}

// errorData is what the guard has to compare error rates by.
func (q Question) errorData() Data {
	data := Data{"errors, by the guard", HasData, ""}
	var weights []float64
	for _, step := range StepsOf(q.Policy, q.App.Before.Rate) {
		weights = append(weights, step.Weight)
	}
	before := q.App.Before
	expected := guard.Expect(settingsOf(q.Policy), weights, before.Rate, before.Errors, before.History)
	data.Why = fmt.Sprintf("the canary gets about %s requests a minute in the first step", figure(before.Rate*60*weights[0]/config.FullWeight))
	switch {
	case expected.Broken > 0:
		data.Has, data.Why = HasFew, fmt.Sprintf("%s of the primary's own requests fail, and a rollout is held while that is above sloErrorRate", percent(expected.Broken))
	case expected.Unproven == len(weights):
		data.Has, data.Why = HasFew, data.Why+", and no step gets enough for proof"
	case expected.Unproven > 0:
		data.Has, data.Why = HasFew, fmt.Sprintf("%s; %d of %d steps get too few for proof", data.Why, expected.Unproven, len(weights))
	}
	return data
}

// leastScrapes is how many scrapes of both versions a step needs to end. It is the guard's.
const leastScrapes = 3

// scrapeData says that the metrics are scraped too rarely for the least time of a step; it is false if they are not.
func (q Question) scrapeData() (data Data, rare bool) {
	g, every := q.Policy.Guard, time.Duration(q.App.every())*time.Second
	if !g.EarlyAdvance || leastScrapes*every <= g.MinDwell {
		return Data{}, false
	}
	return Data{"scrapes of the metrics", HasFew, fmt.Sprintf("a step needs %d of them, one every %s, so no step ends before %s, and analysis.guard.minDwell of %s has no effect: scrape every %s or more often",
		leastScrapes, short(every), short(leastScrapes*every), short(g.MinDwell), short(max(time.Second, (g.MinDwell/leastScrapes).Truncate(time.Second))))}, true
}

// latencyData is what the guard has to compare latencies by.
func (q Question) latencyData(raw analysis.Raw) Data {
	data := Data{"latencies, by the guard", HasData, ""}
	start := q.App.start(settingsOf(q.Policy))
	var bounds []string
	for _, bound := range start.Bounds[:start.BoundCount] {
		bounds = append(bounds, duration(bound.Seconds))
	}
	switch advice := q.App.boundsAdvice(); {
	case len(q.App.Before.History.Bounds) == 0:
		data.Has, data.Why = HasNone, noHistogram(raw)
	case len(bounds) == 0:
		data.Has, data.Why = HasNone, "no bound of the histogram tells fast requests from slow ones: "+advice
	default:
		data.Why = "requests slower than " + strings.Join(bounds, ", ") + " are compared"
		if advice != "" {
			data.Has, data.Why = HasFew, data.Why+": "+advice
		}
	}
	return data
}

// noHistogram says which histogram would have been read.
func noHistogram(raw analysis.Raw) string {
	names := make([]string, 0, len(raw.Names))
	for _, of := range raw.Names {
		names = append(names, of.Buckets)
	}
	return "no histogram was found: it would be " + strings.Join(names, " or ")
}

// limitData is what the guard has to test a limit for latencies by, in seconds.
func (q Question) limitData(limit float64, raw analysis.Raw) Data {
	data := Data{v1alpha1.MetricDuration, HasData, fmt.Sprintf("the histogram has the bound %s", duration(limit))}
	bounds := q.App.Before.History.Bounds
	switch above := slices.IndexFunc(bounds, func(b float64) bool { return b >= limit }); {
	case len(bounds) == 0:
		data.Has, data.Why = HasNone, noHistogram(raw)
	case above < 0:
		data.Has, data.Why = HasNone, fmt.Sprintf("the last bound of the histogram is %s: add one of %s", duration(bounds[len(bounds)-1]), duration(limit))
	case bounds[above] != limit:
		data.Has, data.Why = HasFew, fmt.Sprintf("only what is slower than %s breaks the limit for certain: add a bound of %s to the histogram", duration(bounds[above]), duration(limit))
	}
	return data
}

// checkData is what a built-in check has in the first step.
func (q Question) checkData(check analysis.Check, raw analysis.Raw) Data {
	steps := StepsOf(q.Policy, q.App.Before.Rate)
	window := check.Window
	if window == 0 {
		window = q.Policy.Interval
	}
	requests := q.App.Before.Rate * window.Seconds() * steps[0].Weight / config.FullWeight
	data := Data{check.Name, HasData, fmt.Sprintf("about %s requests in %s of the first step; it needs %.0f", figure(requests), short(window), q.Policy.MinRequests)}
	switch {
	case check.Metric == analysis.Duration && len(q.App.Before.History.Bounds) == 0:
		data.Has, data.Why = HasNone, noHistogram(raw)
	case requests < q.Policy.MinRequests:
		data.Has = HasFew
	}
	return data
}

const (
	// commonest and rarest are between which shares of slow requests a bound tells something. They are the guard's.
	commonest, rarest = 0.5, 0.001
	// fewBounds is fewer than how many such bounds leave much between them.
	fewBounds = 2
)

// boundsAdvice says which bounds the histogram should have; empty if it has enough.
func (a App) boundsAdvice() string {
	bounds := a.Before.History.Bounds
	if len(bounds) == 0 {
		return ""
	}
	telling := 0
	for _, bound := range bounds {
		if share := a.slower(bound); share <= commonest && share >= rarest {
			telling++
		}
	}
	first, last := bounds[0], bounds[len(bounds)-1]
	switch {
	case telling >= fewBounds:
		return ""
	case a.slower(first) < rarest:
		return fmt.Sprintf("nearly all are faster than %s, so add bounds of %s, %s and %s", duration(first), duration(first/2), duration(first/5), duration(first/10))
	case a.slower(last) > commonest:
		return fmt.Sprintf("most are slower than %s, so add bounds of %s, %s and %s", duration(last), duration(2*last), duration(5*last), duration(10*last))
	}
	below, above := a.around()
	return fmt.Sprintf("most requests take between %s and %s, so add bounds between these", duration(below), duration(above))
}

// around are the bounds between which the median lies; 0 for none below.
func (a App) around() (below, above float64) {
	for _, bound := range a.Before.History.Bounds {
		if a.slower(bound) <= commonest {
			return below, bound
		}
		below = bound
	}
	return below, below
}

func duration(seconds float64) string {
	return short(time.Duration(seconds * float64(time.Second)).Round(time.Microsecond))
}
