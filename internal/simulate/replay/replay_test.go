package replay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/simulate/traffic"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// recorded is what a metrics server has of an hour of the primary alone, and of steps of a minute each.
type recorded struct {
	traffic.Scenario
	shares []float64
	// series are in the order in which they began.
	series []*analysis.RawSeries
}

const (
	aCanary  = "podinfo-canary-6f8b7c-ccccc"
	aPrimary = "podinfo-7d9c5b-aaaaa"
	hour     = int64(3600)
)

var raw, _ = analysis.RawFor(config.PresetApp, analysis.Target{Namespace: "shop", Workload: "podinfo-canary", Primary: "podinfo"})

// record lets a scenario happen and writes down what a metrics server scrapes of one pod of each version.
func record(s traffic.Scenario, shares ...float64) *recorded {
	r := &recorded{Scenario: s, shares: shares}
	rollout := traffic.NewSource(s).Rollout(1, 1)
	var canary, primary traffic.Sample
	for second := int64(1); second <= hour+r.seconds(); second++ {
		share := 0.0
		if second > hour {
			share = shares[(second-hour-1)/60]
		}
		view := rollout.Next(share)
		if second > hour && view.CanarySample.At > canary.At {
			canary = view.CanarySample
			r.scrape(aCanary, canary)
		}
		if view.PrimarySample.At > primary.At {
			primary = view.PrimarySample
			r.scrape(aPrimary, primary)
		}
	}
	return r
}

func (r *recorded) seconds() int64 { return 60 * int64(len(r.shares)) }

func (r *recorded) scrape(pod string, s traffic.Sample) {
	at := noon.Add(time.Duration(s.At-hour) * time.Second).UnixMilli()
	add := func(name, label, value string, count int64) {
		series := r.of(pod, name, label, value)
		series.Samples = append(series.Samples, analysis.Point{At: at, Value: float64(count)})
	}
	add(analysis.Up, "", "", 1)
	add(raw.Names[0].Requests, "code", "200", s.Requests-s.Errors)
	add(raw.Names[0].Requests, "code", "503", s.Errors)
	if r.Latencies {
		for i, bound := range traffic.Bounds {
			add(raw.Names[0].Buckets, "le", fmt.Sprint(bound), s.Timed-s.Slow[i])
		}
		add(raw.Names[0].Buckets, "le", "+Inf", s.Timed)
	}
}

// of returns a series.
func (r *recorded) of(pod, name, label, value string) *analysis.RawSeries {
	for _, s := range r.series {
		if s.Labels["pod"] == pod && s.Labels["__name__"] == name && s.Labels[label] == value {
			return s
		}
	}
	labels := map[string]string{"__name__": name, "namespace": "shop", "pod": pod}
	if label != "" {
		labels[label] = value
	}
	r.series = append(r.series, &analysis.RawSeries{Labels: labels})
	return r.series[len(r.series)-1]
}

// before is what the primary did in the hour before, by a sample in each minute.
func (r *recorded) before() polls.Before {
	var answer []analysis.RawSeries
	for _, s := range r.series {
		minutes := analysis.RawSeries{Labels: s.Labels}
		for _, sample := range s.Samples {
			if sample.At%60_000 == 0 && sample.At <= noon.UnixMilli() {
				minutes.Samples = append(minutes.Samples, sample)
			}
		}
		if s.Labels["__name__"] != analysis.Up && len(minutes.Samples) > 0 {
			answer = append(answer, minutes)
		}
	}
	return polls.HistoryOf(raw, answer, noon, false)
}

// answers cuts the record into answers of a length.
func (r *recorded) answers(length time.Duration) *Record {
	record := NewRecord(raw, noon, r.before())
	end := noon.Add(time.Duration(r.seconds()) * time.Second)
	for from := noon.Add(-Ahead); from.Before(end); from = from.Add(length) {
		until := from.Add(length)
		if until.After(end) {
			until = end
		}
		var answer []analysis.RawSeries
		for _, s := range r.series {
			// A range is closed at both ends in some servers, so the sample at its beginning comes twice.
			if samples := s.Samples[upTo(s.Samples, from.UnixMilli()-1):upTo(s.Samples, until.UnixMilli())]; len(samples) > 0 {
				answer = append(answer, analysis.RawSeries{Labels: s.Labels, Samples: samples})
			}
		}
		record.Add(answer, until)
	}
	return record
}

func (r *recorded) replay(plan Plan) Result { return Replay(r.answers(5*time.Minute), plan) }

func defaults() Plan { return Plan{Settings: guard.DefaultSettings()} }

func weightsIn(r Result) []float64 {
	var weights []float64
	for _, step := range r.Steps {
		weights = append(weights, step.Weight)
	}
	return weights
}

func TestWhatTheGuardWouldHaveDone(t *testing.T) {
	tenToFifty := []float64{.1, .2, .3, .4, .5}
	for name, c := range map[string]struct {
		scenario traffic.Scenario
		action   guard.Action
		reason   guard.Reason
		// atMost is when the guard would have decided.
		atMost time.Duration
		weight float64
	}{
		"a bad version":            {traffic.Scenario{Rate: 100, Base: .001, Canary: .2}, guard.RollBack, guard.Harm, 30 * time.Second, 10},
		"a version gets bad":       {traffic.Scenario{Rate: 100, Base: .001, Canary: .2, Onset: 3600 + 130}, guard.RollBack, guard.Harm, 160 * time.Second, 30},
		"a healthy version":        {traffic.Scenario{Rate: 200, Base: .001, Canary: .001}, guard.Advance, guard.Accepted, 300 * time.Second, 50},
		"a slow version":           {traffic.Scenario{Rate: 100, Base: .001, Canary: .001, Latencies: true, Latency: 3}, guard.RollBack, guard.Harm, 60 * time.Second, 10},
		"scrapes of half a minute": {traffic.Scenario{Rate: 100, Base: .001, Canary: .5, Scrape: traffic.Scrape{Every: 30, Skew: 7}}, guard.RollBack, guard.Harm, 100 * time.Second, 20},
	} {
		t.Run(name, func(t *testing.T) {
			got := record(c.scenario, tenToFifty...).replay(defaults())
			v := got.Verdict
			if v == nil {
				t.Fatalf("no verdict; last was %s: %s", got.Last.Reason, got.Last.Message)
			}
			if v.Action != c.action || v.Reason != c.reason || v.At > c.atMost || v.Weight > c.weight {
				t.Errorf("%s for %s after %s at %v %%: %s", v.Action, v.Reason, v.At, v.Weight, v.Message)
			}
			if v.Canary.Total > got.Canary.Total || len(got.Polls) == 0 || len(got.Problems) > 0 {
				t.Errorf("%+v of %+v, %d polls, problems %q", v.Canary, got.Canary, len(got.Polls), got.Problems)
			}
		})
	}
}

// TestAnswersMayBeOfAnyLength holds that a replay does not depend on how the record was read.
func TestAnswersMayBeOfAnyLength(t *testing.T) {
	r := record(traffic.Scenario{Rate: 50, Base: .001, Canary: .02, Latencies: true, Latency: 1.2, Scrape: traffic.Scrape{Every: 5, Skew: 2, Missing: .05, CanaryReset: 3700, PrimaryReset: 3750}}, .1, .2, .5)
	want := Replay(r.answers(10*time.Minute), defaults())
	for _, length := range []time.Duration{7 * time.Second, 37 * time.Second, time.Minute, 2 * time.Hour} {
		if diff := cmp.Diff(want, Replay(r.answers(length), defaults())); diff != "" {
			t.Errorf("answers of %s: %.2000s", length, diff)
		}
	}
}

// TestEveryRequestIsCounted compares what the steps count with what the versions counted.
func TestEveryRequestIsCounted(t *testing.T) {
	r := record(traffic.Scenario{Rate: 80, Base: .01, Canary: .012}, .1, .1, .25)
	got := r.replay(defaults())
	last := func(code string) float64 {
		samples := r.of(aCanary, raw.Names[0].Requests, "code", code).Samples
		return samples[len(samples)-1].Value
	}
	canary := guard.Pair{Total: last("200") + last("503"), Bad: last("503")}
	if got.Canary != canary {
		t.Errorf("%+v of %+v were counted", got.Canary, canary)
	}
	if got.Minutes < 55 || got.Minutes > 60 || got.Scrape != 5*time.Second {
		t.Errorf("%d minutes before, scrapes of %s", got.Minutes, got.Scrape)
	}
}

func TestStepsAreFoundInTheShares(t *testing.T) {
	for name, c := range map[string]struct {
		rate   float64
		scrape traffic.Scrape
		shares []float64
		given  []float64
		want   []float64
	}{
		"Flagger's":            {100, traffic.Scrape{}, []float64{.1, .2, .3, .4, .5}, nil, []float64{10, 20, 30, 40, 50}},
		"a ladder":             {1000, traffic.Scrape{}, []float64{.002, .01, .05, .1, .25, .5}, nil, []float64{0.2, 1, 5, 10, 25, 50}},
		"the policy's":         {100, traffic.Scrape{}, []float64{.07, .13, .62}, []float64{7, 13, 62}, []float64{7, 13, 62}},
		"little traffic":       {5, traffic.Scrape{}, []float64{.1, .1, .5, .5}, nil, []float64{10, 50}},
		"an interruption":      {100, traffic.Scrape{}, []float64{.1, .2, 0, .2}, nil, []float64{10, 20, 20}},
		"a canary of all":      {100, traffic.Scrape{}, []float64{.5, 1}, nil, []float64{50, 100}},
		"scrapes out of step":  {2000, traffic.Scrape{Every: 5, Skew: 4, Missing: .1}, []float64{.1, .1, .2, .2}, nil, []float64{10, 20}},
		"a canary that waited": {100, traffic.Scrape{}, []float64{0, 0, .1}, nil, []float64{10}},
	} {
		t.Run(name, func(t *testing.T) {
			got := weightsIn(record(traffic.Scenario{Rate: c.rate, Base: .001, Canary: .001, Scrape: c.scrape}, c.shares...).replay(Plan{Settings: guard.DefaultSettings(), Weights: c.given}))
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestStepsOfThePolicyLastAsLongAsItSays holds that a step is not taken to be over before its duration.
func TestStepsOfThePolicyLastAsLongAsItSays(t *testing.T) {
	settings := guard.DefaultSettings()
	settings.Early = false
	got := record(traffic.Scenario{Rate: 500, Base: .001, Canary: .001}, .1, .1, .1, .4, .4).
		replay(Plan{Settings: settings, Weights: []float64{10, 40}, Durations: []time.Duration{2 * time.Minute, time.Minute}})
	if len(got.Steps) != 2 || got.Steps[0].Verdict == nil || got.Steps[0].Verdict.InStep < 2*time.Minute || got.Steps[1].Verdict == nil || got.Steps[1].Verdict.InStep != time.Minute {
		t.Errorf("%+v", got.Steps)
	}
}

func TestWhatIsMissing(t *testing.T) {
	r := record(traffic.Scenario{Rate: 100, Base: .001, Canary: .001}, .1)
	without := func(pod string) *Record {
		half := recorded{Scenario: r.Scenario, shares: r.shares}
		for _, s := range r.series {
			if s.Labels["pod"] != pod {
				half.series = append(half.series, s)
			}
		}
		return half.answers(time.Minute)
	}
	for name, c := range map[string]struct {
		record                  *Record
		canary, primary, counts bool
	}{
		"nothing":     {r.answers(time.Minute), true, true, true},
		"the canary":  {without(aCanary), false, true, false},
		"the primary": {without(aPrimary), true, false, false},
	} {
		if canary, primary := c.record.Has(); canary != c.canary || primary != c.primary || c.record.Counts() != c.counts {
			t.Errorf("%s: has the canary %t, the primary %t, counts %t", name, canary, primary, c.record.Counts())
		}
		if got := Replay(c.record, defaults()); len(got.Steps) > 0 != c.counts {
			t.Errorf("%s: %d steps", name, len(got.Steps))
		}
	}
}

// TestARecordThatBeginsWithTheRollout holds that what pods have counted in all their life is not taken for requests of the rollout
// only because their record begins with it.
func TestARecordThatBeginsWithTheRollout(t *testing.T) {
	r := record(traffic.Scenario{Rate: 100, Base: .3, Canary: .001}, .1, .1)
	for _, s := range r.series {
		s.Samples = s.Samples[upTo(s.Samples, noon.UnixMilli()):]
	}
	got := r.replay(defaults())
	if got.Minutes != 0 || got.Steps[0].Primary.Total > 120*100 {
		t.Errorf("%+v of %d minutes", got.Steps[0], got.Minutes)
	}
}

// TestAnswersInDisorder holds that samples in any order, and of any value, do no harm.
func TestAnswersInDisorder(t *testing.T) {
	r := NewRecord(raw, noon, polls.Before{})
	random := rand.New(rand.NewPCG(1, 2))
	values := []float64{0, 1, 5, -1, math.NaN(), math.Inf(1), 1e300}
	for minute := range 10 {
		var answer []analysis.RawSeries
		for _, pod := range []string{aCanary, aPrimary, "other"} {
			s := analysis.RawSeries{Labels: map[string]string{"__name__": raw.Names[0].Requests, "code": "503", "namespace": "shop", "pod": pod}}
			for range 50 {
				at := noon.Add(time.Duration(random.IntN(1200)-300) * time.Second).UnixMilli()
				s.Samples = append(s.Samples, analysis.Point{At: at, Value: values[random.IntN(len(values))]})
				s.Histograms = append(s.Histograms, analysis.HistogramPoint{At: at, Count: 1})
			}
			answer = append(answer, s)
		}
		r.Add(answer, noon.Add(time.Duration(minute)*time.Minute))
	}
	if got := Replay(r, defaults()); got.Canary.Bad > got.Canary.Total {
		t.Errorf("%+v", got.Canary)
	}
}
