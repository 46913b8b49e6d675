package replay

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/polls"
)

// Ahead is how long before the rollout the record begins, so that the first polls find the samples that they count from.
const Ahead = time.Minute

// Record is what a metrics server has recorded of a rollout, as far as it was read.
type Record struct {
	raw    analysis.Raw
	start  time.Time
	before polls.Before
	// kept are the series, by their labels, with the samples that the next poll may need.
	kept map[string]*analysis.RawSeries
	// has says which versions have series at all.
	has   [counters.Primary + 1]bool
	state counters.State
	// next is the time of the next poll.
	next     time.Time
	looks    []look
	scrape   time.Duration
	problems []string
}

// look is one poll of the controller.
type look struct {
	at time.Time
	counters.Result
}

// NewRecord returns the empty record of a rollout that began at a time, with what the primary did in the hour before.
func NewRecord(raw analysis.Raw, start time.Time, before polls.Before) *Record {
	return &Record{raw: raw, start: start, before: before, kept: map[string]*analysis.RawSeries{}, next: start}
}

// Add adds one answer, which has all samples after the answer before up to a time, and polls up to that time. Answers come in the order
// of their times, the first from Ahead before the start. It needs memory for the samples that the next poll may look back at, and for
// what each poll shows.
func (r *Record) Add(answer []analysis.RawSeries, until time.Time) {
	for _, s := range counters.Read(r.raw, answer) {
		r.has[s.Arm] = r.has[s.Arm] || s.Kind == counters.Requests
	}
	for _, s := range answer {
		r.append(s)
	}
	for ; !r.next.After(until); r.next = r.next.Add(r.state.Every()) {
		r.poll(r.next)
	}
	r.forget()
}

// append adds samples to a series, in the order of their times and each once: an answer may repeat the last sample of the one before.
func (r *Record) append(s analysis.RawSeries) {
	name := named(s.Labels)
	known, has := r.kept[name]
	if !has {
		known = &analysis.RawSeries{Labels: s.Labels}
		r.kept[name] = known
	}
	for _, sample := range s.Samples {
		if n := len(known.Samples); n == 0 || sample.At > known.Samples[n-1].At {
			known.Samples = append(known.Samples, sample)
		}
	}
	for _, sample := range s.Histograms {
		if n := len(known.Histograms); n == 0 || sample.At > known.Histograms[n-1].At {
			known.Histograms = append(known.Histograms, sample)
		}
	}
}

// named returns labels as a text.
func named(labels map[string]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(&text, "%s=%q,", name, labels[name])
	}
	return text.String()
}

// poll looks at the counters as the controller would have at a time.
func (r *Record) poll(now time.Time) {
	from, to := now.Add(-r.state.Back(now)).UnixMilli(), now.UnixMilli()
	answer := make([]analysis.RawSeries, 0, len(r.kept))
	for _, s := range r.kept {
		each := analysis.RawSeries{Labels: s.Labels, Samples: s.Samples[upTo(s.Samples, from):upTo(s.Samples, to)],
			Histograms: s.Histograms[histogramsUpTo(s.Histograms, from):histogramsUpTo(s.Histograms, to)]}
		if len(each.Samples)+len(each.Histograms) > 0 {
			answer = append(answer, each)
		}
	}
	var result counters.Result
	r.state, result = counters.Advance(r.state, polls.Look{Raw: r.raw, Answer: answer, Now: now, Began: r.start}.Poll())
	r.looks = append(r.looks, look{now, result})
	if result.Interval > 0 {
		r.scrape = result.Interval
	}
	for _, problem := range result.Problems {
		r.Tell(problem)
	}
}

// mostProblems is how many different problems are told.
const mostProblems = 10

// Tell notes what could not be counted, once.
func (r *Record) Tell(problem string) {
	if !slices.Contains(r.problems, problem) && len(r.problems) < mostProblems {
		r.problems = append(r.problems, problem)
	}
}

// forget drops the samples that no later poll looks at. It keeps twice as much as the next one needs, because later ones may look
// further back.
func (r *Record) forget() {
	from := r.next.Add(-2 * max(r.state.Back(r.next), Ahead)).UnixMilli()
	for name, s := range r.kept {
		s.Samples = slices.Delete(s.Samples, 0, upTo(s.Samples, from))
		s.Histograms = slices.Delete(s.Histograms, 0, histogramsUpTo(s.Histograms, from))
		if len(s.Samples)+len(s.Histograms) == 0 {
			delete(r.kept, name)
		}
	}
}

// upTo returns how many of the samples are not after a time.
func upTo(samples []analysis.Point, at int64) int {
	return sort.Search(len(samples), func(i int) bool { return samples[i].At > at })
}

func histogramsUpTo(samples []analysis.HistogramPoint, at int64) int {
	return sort.Search(len(samples), func(i int) bool { return samples[i].At > at })
}

// Has reports whether requests to the canary and to the primary were recorded at all.
func (r *Record) Has() (canary, primary bool) { return r.has[counters.Canary], r.has[counters.Primary] }

// Counts reports whether any poll has seen new samples of both versions.
func (r *Record) Counts() bool {
	return slices.ContainsFunc(r.looks, func(l look) bool { return l.Counted })
}
