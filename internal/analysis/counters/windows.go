package counters

import (
	"math"
	"slices"
	"sort"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// mostWindows is how many periods a history has.
const mostWindows = 60

// Windows returns what was counted in each of the last 60 periods, by samples that are a period apart; without the periods in which
// nothing was scraped. The rules are those of Advance. What a pod or gateway counted in a gap is of no period and is left out. The
// series are of one version. It takes time and memory in proportion to the samples. Pods beyond 50 count in the sums alone.
func Windows(series []Series, now time.Time, every time.Duration) []Increments {
	series, _ = clean(Poll{Now: now, Series: series})
	h := history{every: max(1, every.Milliseconds()), pods: map[string]bool{}}
	for _, s := range series {
		h.newest = max(h.newest, s.Samples[len(s.Samples)-1].At)
	}
	eachTarget(series, h.add)
	var windows []Increments
	for i := range h.windows {
		if h.counted[i] && h.windows[i].possible() {
			windows = append(windows, h.windows[i])
		}
	}
	return windows
}

// history is the windows in the making.
type history struct {
	every, newest int64
	windows       [mostWindows]Increments
	// counted are the windows in which anything was scraped.
	counted [mostWindows]bool
	pods    map[string]bool
	// scraped are the times of all samples of the pod or gateway at hand.
	scraped map[int64]bool
}

// add adds a pod or gateway.
func (h *history) add(series []Series) {
	pod := series[0].Pod
	if pod != "" && !h.pods[pod] && len(h.pods) >= mostTargets {
		pod = ""
		for i := range series {
			series[i].Pod = pod
		}
	}
	if pod != "" {
		h.pods[pod] = true
	}
	h.scraped = map[int64]bool{}
	for _, s := range series {
		for _, p := range s.Samples {
			h.scraped[p.At] = true
		}
	}
	eachCounter(series, h.requests, h.histogram)
}

// window returns the window that a sample ends, or nil if it is too old.
func (h *history) window(at int64) *Increments {
	ago := (h.newest - at) / h.every
	if ago >= mostWindows {
		return nil
	}
	h.counted[mostWindows-1-ago] = true
	return &h.windows[mostWindows-1-ago]
}

// before returns the sample that another one is counted from. It is false after a gap.
func (h *history) before(samples []analysis.Point, i int) (base analysis.Point, known bool) {
	scraped := h.scraped[samples[i].At-h.every]
	switch {
	case i > 0 && (scraped || samples[i].At-samples[i-1].At <= h.every):
		return samples[i-1], true
	case i == 0 && scraped:
		return analysis.Point{At: never}, true
	}
	return base, false
}

func (h *history) requests(s Series) {
	for i := range s.Samples {
		base, known := h.before(s.Samples, i)
		if !known {
			continue
		}
		if window := h.window(s.Samples[i].At); window != nil {
			increment, _ := grown(s.Samples[i:i+1], base, nil)
			window.addAnswered(s, increment)
		}
	}
}

func (h *history) histogram(buckets []Series) {
	all := buckets[len(buckets)-1]
	if !math.IsInf(all.Bound, 1) {
		return
	}
	var resets []int64
	for _, b := range buckets {
		resets = falls(resets, b.Samples, b.Samples[0])
	}
	slices.Sort(resets)
	resets = slices.Compact(resets)
	for i, sample := range all.Samples {
		base, known := h.before(all.Samples, i)
		if !known {
			continue
		}
		since := sort.Search(len(resets), func(i int) bool { return resets[i] > base.At })
		reset := since < len(resets) && resets[since] <= sample.At
		if window := h.window(sample.At); window != nil {
			window.addBuckets(buckets[:min(len(buckets)-1, mostBounds)], base, sample, reset)
		}
	}
}

// addBuckets adds what the buckets of a histogram counted between two samples of all its requests.
func (i *Increments) addBuckets(buckets []Series, base, sample analysis.Point, reset bool) {
	timed := growth(base, sample, reset)
	if !(timed > 0) {
		return
	}
	for _, b := range buckets {
		from, began := sampleAt(b.Samples, base.At)
		until, ended := sampleAt(b.Samples, sample.At)
		if faster := growth(from, until, reset); began && ended && faster <= timed {
			i.addSlower(b, timed, timed-faster)
		}
	}
}

// growth is by how much a series grew between two samples.
func growth(from, until analysis.Point, reset bool) float64 {
	if reset {
		return until.Value
	}
	return until.Value - from.Value
}

// sampleAt returns the sample of a time; zero before all others.
func sampleAt(samples []analysis.Point, at int64) (analysis.Point, bool) {
	if at == never {
		return analysis.Point{At: never}, true
	}
	i := upTo(samples, at)
	if i == 0 || samples[i-1].At != at {
		return analysis.Point{}, false
	}
	return samples[i-1], true
}
