package polls

import (
	"slices"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
)

// Before is what the primary did in the hour before the rollout. The zero value is a primary that nobody has observed.
type Before struct {
	// History is what the guard starts with.
	History guard.History
	// Rate is the number of requests a second, which all went to the primary. Errors is the share of them that failed.
	Rate, Errors float64
}

// enough is the part of all requests that must be counted by a bound of a history.
const enough = 0.9

// HistoryOf returns what the answer to Raw.History shows. Alone means that all series are the canary's, as in a dry run.
func HistoryOf(raw analysis.Raw, answer []analysis.RawSeries, now time.Time, alone bool) Before {
	windows := counters.Windows(ofPrimary(raw, answer, alone), now, analysis.HistoryWindow)
	before := Before{History: historyOf(windows)}
	var all guard.Counts
	for _, window := range windows {
		all.Requests, all.Errors = all.Requests+window.Requests, all.Errors+window.Errors
	}
	if all.Requests > 0 {
		before.Rate = all.Requests / (analysis.HistoryWindow.Seconds() * float64(len(windows)))
		before.Errors = all.Errors / all.Requests
	}
	return before
}

// SoFar returns what the answer to Raw.Query shows of all that the primary's counters have seen, as one window. Alone means that all
// series are the canary's, as in a dry run.
func SoFar(raw analysis.Raw, answer []analysis.RawSeries, now time.Time, alone bool) guard.History {
	return historyOf([]counters.Increments{counters.Totals(ofPrimary(raw, answer, alone), now)})
}

func ofPrimary(raw analysis.Raw, answer []analysis.RawSeries, alone bool) []counters.Series {
	return slices.DeleteFunc(counters.Read(raw, answer), func(s counters.Series) bool { return s.Arm != counters.Primary && !alone })
}

func historyOf(windows []counters.Increments) guard.History {
	bounds := common(windows)
	history := guard.History{Bounds: seconds(bounds), Windows: make([][]guard.Counts, 0, len(windows))}
	for _, window := range windows {
		history.Windows = append(history.Windows, podsOf(window, bounds))
	}
	return history
}

// podsOf returns what each pod did in a window, or all gateways together. If a pod lacks a bound, its latencies are left out.
func podsOf(window counters.Increments, bounds []float64) []guard.Counts {
	each := []counters.Counts{window.Counts}
	if len(window.Pods) > 0 {
		each = each[:0]
		for _, pod := range window.Pods {
			each = append(each, pod.Counts)
		}
	}
	pods := make([]guard.Counts, len(each))
	for i, c := range each {
		if slices.ContainsFunc(bounds, func(millis float64) bool { return !counts(c, millis) }) {
			c.Bounds = nil
		}
		pods[i] = countsOf(c, bounds)
	}
	return pods
}

// common returns the bounds in milliseconds, ascending, that most requests of the windows are counted by.
func common(windows []counters.Increments) []float64 {
	timed, most := map[float64]float64{}, 0.0
	for _, window := range windows {
		for _, b := range window.Bounds {
			timed[b.Millis] += b.Timed
			most = max(most, timed[b.Millis])
		}
	}
	var bounds []float64
	for millis, requests := range timed {
		if usable(millis) && requests >= enough*most {
			bounds = append(bounds, millis)
		}
	}
	slices.Sort(bounds)
	return bounds
}
