package rollout_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/rollout"
)

// rawOf is how the counters of a world are read.
func rawOf(w *world) analysis.Raw {
	of := analysis.Target{Namespace: "test", Service: "podinfo-canary", Workload: "podinfo-canary", Primary: "podinfo", PrimaryService: "podinfo", Ports: []int32{80}}
	if w.dryRun {
		of.Service, of.Workload = of.PrimaryService, of.Primary
	}
	preset := w.policy.Preset
	if preset == "" {
		preset = config.PresetTraefik
	}
	raw, known := analysis.RawFor(preset, of)
	if !known {
		w.t.Fatalf("the preset %q is unknown", preset)
	}
	return raw
}

// tally is what a rollout has counted.
type tally struct {
	canary, primary counters.Counts
	history         polls.Before
	polled          int
	// scraped is what the last sample showed of the canary that was counted.
	scraped float64
}

// shows returns how many requests to the canary the samples of a time show.
func (m *metered) shows(at time.Time) (requests float64) {
	for _, s := range m.scraped {
		of := s.Labels["pod"] + s.Labels["service"]
		if s.Labels["code"] == "" || !strings.Contains(of, "podinfo-canary") {
			continue
		}
		for _, sample := range s.Samples {
			if sample.At == at.UnixMilli() {
				requests += sample.Value
			}
		}
	}
	return requests
}

// count plays a rollout for a while and counts its requests by the answers that its ticks get.
func (w *world) count(lasts time.Duration) (all tally) {
	add := func(to *counters.Counts, more counters.Counts) {
		to.Requests, to.Errors = to.Requests+more.Requests, to.Errors+more.Errors
	}
	w.tick()
	w.set("v2")
	for ends := w.now.Add(lasts); w.now.Before(ends); w.now = w.now.Add(500 * time.Millisecond) {
		w.metered.until(w)
		last := w.state.Open().Guard.DeepCopy()
		if last == nil {
			last = &v1alpha1.GuardStatus{}
		}
		facts, answers := w.facts()
		w.apply(rollout.Decide(facts))
		w.react()
		w.metered.use(answers.Counters, answers.History)
		kept := w.state.Open().Guard.DeepCopy()
		if kept == nil {
			kept = &v1alpha1.GuardStatus{}
		}
		if answers.History != nil && answers.History.Err == "" {
			all.history, kept.Evidence = polls.HistoryOf(rawOf(w), answers.History.Series, w.now, w.dryRun), "known"
		}
		if answers.Counters != nil && answers.Counters.Err == "" {
			before, _ := counters.Parse(last.Counters)
			look := polls.Look{Raw: rawOf(w), Answer: answers.Counters.Series, Now: w.now, Began: w.state.Open().Canary.TrafficStarted.Time, Alone: w.dryRun}
			_, result := counters.Advance(before, look.Poll())
			add(&all.canary, result.Canary.Counts)
			add(&all.primary, result.Primary.Counts)
			if result.Counted {
				all.polled, all.scraped = all.polled+1, w.metered.shows(result.Canary.Newest)
			}
		}
		if kept.Evidence != "" {
			// Evidence that cannot be read starts over, so that the guard does not end what is counted.
			kept.Evidence = "known"
		}
		if w.state.Rollout != nil {
			w.state.Rollout.Guard = kept
		}
	}
	return all
}

// TestWhatTicksCountIsWhatWasAnswered holds that the answers of a rollout's ticks show all requests to the canary once, whatever the
// scrapes are like.
func TestWhatTicksCountIsWhatWasAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		preset config.Preset
		traffic.Scrape
		chance bool
	}{
		"a gateway":               {},
		"pods":                    {preset: config.PresetApp},
		"scrapes every 15 s":      {Scrape: traffic.Scrape{Every: 15, Skew: 7}, preset: config.PresetApp},
		"scrapes that are missed": {Scrape: traffic.Scrape{Missing: .3}, preset: config.PresetApp},
		"a restarted canary":      {Scrape: traffic.Scrape{CanaryReset: 32}, preset: config.PresetApp},
		"answers that come late":  {chance: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := guarded(t, map[string]string{config.AnnotationInterval: "1m", config.AnnotationMaxWeight: "30"})
			w.policy.Preset, w.metered = c.preset, countedAt(100, .01, .1)
			w.metered.Scrape, w.metered.Latencies = c.Scrape, true
			if c.chance {
				w.rand = rand.New(rand.NewPCG(1, 2))
			}
			got := w.count(90 * time.Second)
			view := w.metered.requests.View()
			t.Logf("%d polls counted %+v of %+v", got.polled, got.canary, view.Canary)
			shown := got.scraped
			if c.CanaryReset > 0 {
				shown += w.metered.shows(epoch.Add(time.Duration(c.CanaryReset) * time.Second).Truncate(5 * time.Second))
			}
			if got.canary.Requests != shown || got.canary.Errors < 10 || got.polled < 4 {
				t.Errorf("counted %+v, and the scrapes show %v", got.canary, shown)
			}
			if got.primary.Requests == 0 || got.primary.Requests > float64(view.Primary.Requests) {
				t.Errorf("counted %+v of %+v", got.primary, view.Primary)
			}
			if h := got.history; h.Rate < 90 || h.Rate > 110 || h.Errors < .005 || h.Errors > .015 || len(h.History.Windows) != 60 || len(h.History.Bounds) != len(traffic.Bounds) {
				t.Errorf("the last hour has %.1f requests a second, %.4f errors, %d minutes and %d bounds", h.Rate, h.Errors, len(h.History.Windows), len(h.History.Bounds))
			}
		})
	}
}

// TestADryRunCountsThePrimaryForBoth holds that a simulated rollout has two versions to compare, which are alike.
func TestADryRunCountsThePrimaryForBoth(t *testing.T) {
	w := guarded(t, map[string]string{config.AnnotationInterval: "1m"})
	w.dryRun, w.metered = true, countedAt(100, .01, .5)
	w.tick()
	w.tick()
	w.primary.Spec.Template = templateFor("v2")
	w.primary.Generation++
	got := w.count(80 * time.Second)
	if got.canary.Requests == 0 || got.canary.Requests != got.primary.Requests || got.canary.Errors != got.primary.Errors {
		t.Errorf("counted %+v and %+v after %d polls; it stands at %s: %s", got.canary, got.primary, got.polled, w.state.Phase, w.state.Message)
	}
}
