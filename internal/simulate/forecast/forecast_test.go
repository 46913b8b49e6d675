package forecast

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/simulate/traffic"
)

// bounds are those of the histograms of these tests in seconds.
var bounds = []float64{.05, .1, .25, .5, 1}

// appWith is an app of two pods with so many requests a second, of which a share fails. The shares slower than each of the first bounds
// make its histogram.
func appWith(rate, errors float64, slower ...float64) App {
	history := guard.History{Bounds: bounds[:len(slower)]}
	each := rate * 60 / 2
	for range 60 {
		pod := guard.Counts{Requests: each, Errors: each * errors}
		for _, share := range slower {
			pod.Timed, pod.Slower = each, append(pod.Slower, each*share)
		}
		history.Windows = append(history.Windows, []guard.Counts{pod, pod})
	}
	return App{Before: polls.Before{History: history, Rate: rate, Errors: errors}, Pods: 2, ByPod: true, Scrape: 15 * time.Second}
}

// policyWith is the policy with what a user says of the analysis.
func policyWith(t *testing.T, change func(*v1alpha1.AnalysisSpec)) config.Policy {
	t.Helper()
	spec := v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{}}
	change(spec.Analysis)
	parsed, errs := policy.Parse(spec)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return parsed
}

func asBuiltIn(*v1alpha1.AnalysisSpec) {}

func byThresholds(a *v1alpha1.AnalysisSpec) { a.Guard = &v1alpha1.Guard{Enabled: ptr.To(false)} }

// TestTheTrafficIsThatOfTheApp holds that a scenario has what the last hour showed.
func TestTheTrafficIsThatOfTheApp(t *testing.T) {
	settings := guard.DefaultSettings()
	s := appWith(40, .01, .4, .2, .05, .01, .001).scenario(settings, .05, 1)
	if s.Rate != 40 || s.Base != .01 || s.Canary < .0594 || s.Canary > .0596 || s.Pods != 2 || s.Scrape.Every != 15 || s.Scrape.Skew != 7 || !s.Latencies {
		t.Errorf("got %+v", s)
	}
	if got := s.Bounds(); !slices.Equal(got, bounds) {
		t.Errorf("the histogram has the bounds %v", got)
	}
	for i, want := range []float64{.4, .2, .05, .01, .001} {
		if got := s.Timed.Slower[i]; got < .999*want || got > 1.001*want {
			t.Errorf("%v of the requests are slower than %v s, not %v", got, bounds[i], want)
		}
	}
	untimed := appWith(9000, 0)
	untimed.Scrape, untimed.ByPod = 0, false
	if s := untimed.scenario(settings, 0, 1); s.Latencies || s.Rate != mostRate || s.Scrape.Every != 15 || s.Scrape.Skew != 0 {
		t.Errorf("without a histogram and scrapes: %+v", s)
	}
	if notes := strings.Join(untimed.Notes(), "; "); !strings.Contains(notes, "every 15s is assumed") || !strings.Contains(notes, "with 5000 requests a second") {
		t.Errorf("it says %s", notes)
	}
}

// TestErrorsComeInBurstsAsTheyDid gives one of two pods all errors of a minute, as one cause does.
func TestErrorsComeInBurstsAsTheyDid(t *testing.T) {
	app := appWith(40, .01)
	for i, window := range app.Before.History.Windows {
		window[i%2].Errors, window[1-i%2].Errors = 2*window[0].Errors, 0
	}
	if s := app.scenario(guard.DefaultSettings(), 0, 1); s.Burst.Size < 5 {
		t.Errorf("a cause has %v errors", s.Burst.Size)
	}
}

// TestStepsAreThoseOfTheController holds that the ladder starts where that of a rollout does.
func TestStepsAreThoseOfTheController(t *testing.T) {
	first := func(change func(*v1alpha1.AnalysisSpec), rate float64) float64 {
		return StepsOf(policyWith(t, change), rate)[0].Weight
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.AnalysisSpec)
		rate   float64
		want   float64
	}{
		"a busy app starts small":                    {asBuiltIn, 1000, .2},
		"an app with few requests starts at a tenth": {asBuiltIn, .5, 10},
		"steps of the user's stay":                   {func(a *v1alpha1.AnalysisSpec) { a.StepWeights = []float64{3, 30} }, 1000, 3},
		"thresholds have their own steps":            {byThresholds, 1000, 10},
	} {
		if got := first(c.change, c.rate); got != c.want {
			t.Errorf("%s: the first weight is %v", name, got)
		}
	}
}

func TestWhatCannotBePlayed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.AnalysisSpec)
		want   string
	}{
		"the ladder can be":    {asBuiltIn, ""},
		"weights can be":       {func(a *v1alpha1.AnalysisSpec) { a.StepWeight = ptr.To(20.0) }, ""},
		"blue/green cannot be": {func(a *v1alpha1.AnalysisSpec) { a.Iterations = ptr.To[int32](3) }, `the strategy "blue/green" cannot be simulated`},
		"copies cannot be": {func(a *v1alpha1.AnalysisSpec) {
			a.Steps = []v1alpha1.StepSpec{{Weight: 0, MirrorWeight: ptr.To(10.0)}, {Weight: 50}}
		}, "mirrored requests"},
		"testers alone can not": {func(a *v1alpha1.AnalysisSpec) {
			a.Iterations, a.StepWeight = ptr.To[int32](3), ptr.To(0.0)
			a.Match = []v1alpha1.HTTPMatch{{Headers: map[string]v1alpha1.StringMatch{"x-canary": {Exact: "true"}}}}
		}, `the strategy "a/b" cannot be simulated`},
	} {
		if got := Unplayable(policyWith(t, c.change)); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := Unplayable(config.Policy{SkipAnalysis: true}); !strings.Contains(got, "skipAnalysis: true") {
		t.Errorf("without an analysis: %q", got)
	}
}

// TestRolloutsGoAsTheyShould plays few rollouts whose outcomes leave no doubt.
func TestRolloutsGoAsTheyShould(t *testing.T) {
	slowByThreshold := func(a *v1alpha1.AnalysisSpec) {
		byThresholds(a)
		a.Metrics = []v1alpha1.Metric{config.RequestDuration(100)}
	}
	for name, c := range map[string]struct {
		change                 func(*v1alpha1.AnalysisSpec)
		app                    App
		promoted, found, alarm int
	}{
		"the guard finds errors and lets healthy versions pass":             {asBuiltIn, appWith(40, .001), 6, 6, 0},
		"it does with latencies":                                            {asBuiltIn, appWith(40, .001, .4, .2, .05, .01, .001), 6, 6, 0},
		"thresholds find many errors":                                       {byThresholds, appWith(40, .001), 6, 6, 0},
		"thresholds roll back what is as slow as the primary always was":    {slowByThreshold, appWith(40, .001, .4, .2, .05, .01, .001), 0, 6, 6},
		"thresholds beside the guard roll back what it would have promoted": {func(a *v1alpha1.AnalysisSpec) { a.Metrics = []v1alpha1.Metric{config.SuccessRate(99.9)} }, appWith(40, .008), 0, 6, 6},
	} {
		t.Run(name, func(t *testing.T) {
			now := Question{Policy: policyWith(t, c.change), App: c.app, Runs: 6, Seed: 1}.Play()
			worst := now.Regressions[len(Parts)-1]
			if now.Healthy.Promoted.Count != c.promoted || worst.RolledBack.Count != c.found || now.Healthy.RolledBack.Count != c.alarm {
				t.Errorf("%d of 6 healthy versions were promoted and %d rolled back; %d bad ones were", now.Healthy.Promoted.Count, now.Healthy.RolledBack.Count, worst.RolledBack.Count)
			}
		})
	}
}

// TestWhatIsHitIsWhatTheRegressionHits holds that requests that fail anyway do not count, and that a high rate is made up for.
func TestWhatIsHitIsWhatTheRegressionHits(t *testing.T) {
	q := Question{Policy: policyWith(t, byThresholds), App: appWith(40, .005), Runs: 6, Seed: 1}
	now := q.Play()
	if worst := now.Regressions[2]; worst.Hit.Mean > worst.Failed.Mean*.9951 || worst.Hit.Mean < worst.Failed.Mean*.98 {
		t.Errorf("%v of %v failed requests were hit", worst.Hit.Mean, worst.Failed.Mean)
	}
	if one := now.Regressions[0]; one.Hit.Mean > .7*one.Failed.Mean {
		t.Errorf("%v of %v failed requests were hit by a regression of 1%%", one.Hit.Mean, one.Failed.Mean)
	}
	usual, busy := variant{q.Policy, appWith(mostRate, .005)}, variant{q.Policy, appWith(3*mostRate, .005)}
	q.Runs = 1
	both := q.play([]variant{usual, busy})
	if a, b := both[0].Regressions[2].Hit.Mean, both[1].Regressions[2].Hit.Mean; b < 2.9*a || b > 3.1*a {
		t.Errorf("three times as many requests hit %v, not three times %v", b, a)
	}
}

func TestSlowVersions(t *testing.T) {
	if slow := (Question{Policy: policyWith(t, asBuiltIn), App: appWith(40, .001), Runs: 2, Seed: 1}).Slow(); slow != nil {
		t.Errorf("without a histogram: %+v", slow)
	}
	slow := Question{Policy: policyWith(t, asBuiltIn), App: appWith(100, .001, .4, .2, .05, .01, .001), Runs: 4, Seed: 1}.Slow()
	if slow == nil || slow.RolledBack.Count != 4 {
		t.Errorf("got %+v", slow)
	}
}

// TestChanges names the changes that are tried, and holds that each can be made.
func TestChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.AnalysisSpec)
		app    App
		has    []string
	}{
		"of the ladder": {asBuiltIn, appWith(40, .001, .4, .2, .05), []string{"analysis.stepWeights: [10, 50]", "analysis.guard.earlyAdvance: true", "analysis.guard.minDwell: 7s",
			"analysis.guard.maxDwell: 30s", "analysis.guard.sloErrorRate: 0.5", "analysis.guard.alpha: 0.001", "analysis.guard.rho: 2", "analysis.guard.latency: false", "scrape interval: 5s",
			"analysis.guard.onInconclusive: promote"}},
		"of steps under the guard": {func(a *v1alpha1.AnalysisSpec) { a.StepWeight = ptr.To(10.0) }, appWith(40, .001), []string{"analysis.interval: 15s", "analysis.stepWeights: [30, 50]", "analysis.stepWeights: [5, 10, 20, 30, 40, 50]"}},
		"of explicit steps": {func(a *v1alpha1.AnalysisSpec) {
			a.Steps = []v1alpha1.StepSpec{{Weight: 10, Duration: &metav1.Duration{Duration: time.Minute}}}
		}, appWith(40, .001), []string{"analysis.guard.earlyAdvance: true"}},
		"of thresholds": {byThresholds, appWith(40, .001), []string{"analysis.guard.enabled: true", "analysis.threshold: 10", "analysis.threshold: 2", "analysis.metrics[request-success-rate].thresholdRange.min: 98"}},
	} {
		p := policyWith(t, c.change)
		var got []string
		for _, change := range Changes(p, c.app) {
			for _, setting := range change.Settings {
				got = append(got, setting.Path+": "+setting.Value)
			}
			if change.Apply != nil {
				spec := v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{}}
				c.change(spec.Analysis)
				change.Apply(spec.Analysis)
				if _, errs := policy.Parse(spec); len(errs) > 0 {
					t.Errorf("%s: %v: %v", name, change.Settings, errs)
				}
			}
		}
		for _, want := range c.has {
			if !slices.Contains(got, want) {
				t.Errorf("%s: %s is not tried, but %s", name, want, strings.Join(got, "; "))
			}
		}
	}
}

// TestOptionsHalveWhatTheySay plays the options of a policy by thresholds, of which shorter steps halve the time.
func TestOptionsHalveWhatTheySay(t *testing.T) {
	policies := policy.Policies{Named: &v1alpha1.CanaryPolicy{Spec: v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{}}}}
	byThresholds(policies.Named.Spec.Analysis)
	present := policy.PresentOf("demo", map[string]string{config.AnnotationPolicy: "a"}, policies)
	q := Question{Policy: present.Policy, App: appWith(20, .001), Runs: 4, Seed: 1}
	now := q.Play()
	refused := 0
	options := q.Options(now, func(change func(*v1alpha1.AnalysisSpec)) (config.Policy, field.ErrorList) {
		changed, errs := policies.Changed(present.Status.Spec, change)
		if changed.Threshold == 2 {
			refused++
			return config.Policy{}, field.ErrorList{field.Forbidden(nil, "by a limit")}
		}
		return changed, errs
	})
	halved := false
	for _, option := range options {
		if option.Settings[0].Path == "analysis.interval" && option.Settings[0].Value == "15s" {
			halved = slices.Contains(option.Halves, Time)
		}
		if option.Settings[0] == (Setting{"analysis.threshold", "2"}) {
			t.Error("what is refused is an option")
		}
		for _, goal := range option.Halves {
			if goal.Of(option.Result) > goal.Of(now)/2 {
				t.Errorf("%v makes %s %v, and it was %v", option.Settings, goal, goal.Of(option.Result), goal.Of(now))
			}
		}
	}
	if !halved || refused == 0 {
		t.Errorf("half of the interval halves the time: %v; refused %d", halved, refused)
	}
}

// TestTwoChangesAreTriedTogether holds that those are combined that come closest to a goal and have no field in common.
func TestTwoChangesAreTriedTogether(t *testing.T) {
	option := func(path string, promoted, seconds float64) Option {
		o := Option{change: Change{Settings: []Setting{{path, "1"}}}}
		o.Healthy.Promoted.Value, o.Healthy.PromotionSeconds.Mean = promoted, seconds
		return o
	}
	now := option("", 1, 100).Result
	two, found := bestTwo(Time, now, []Option{option("a", 1, 90), option("b", 1, 60), option("b", 1, 70), option("c", .5, 10), option("d", 1, 80), option("e", 1, 200)})
	if !found || two.Settings[0].Path != "b" || two.Settings[1].Path != "d" {
		t.Errorf("%v are tried together", two.Settings)
	}
	if _, found := bestTwo(Time, now, []Option{option("a", 1, 90), option("a", 1, 60)}); found {
		t.Error("two values of one field are tried together")
	}
	if _, found := bestTwo(Time, now, []Option{option(idleBeside, 1, 90), option(ofSteps, 1, 60)}); found {
		t.Error("a field is tried beside steps that leave it without effect")
	}
}

// TestData says of each check whether it will have data.
func TestData(t *testing.T) {
	raw, _ := analysis.RawFor(config.PresetApp, analysis.Target{})
	limit := func(a *v1alpha1.AnalysisSpec) { a.Metrics = []v1alpha1.Metric{config.RequestDuration(400)} }
	own := func(a *v1alpha1.AnalysisSpec) {
		a.Metrics = []v1alpha1.Metric{{Name: "queue", Query: "up", ThresholdRange: &v1alpha1.ThresholdRange{Max: ptr.To(1.0)}}}
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.AnalysisSpec)
		app    App
		check  string
		has    string
		why    string
	}{
		"many requests prove errors":             {asBuiltIn, appWith(2000, .0001), "errors, by the guard", HasData, "about 240 requests a minute"},
		"few do not in some steps":               {asBuiltIn, appWith(40, .001), "errors, by the guard", HasFew, "3 of 5 steps get too few for proof"},
		"very few do not in any":                 {asBuiltIn, appWith(.1, .001), "errors, by the guard", HasFew, "no step gets enough"},
		"a failing primary holds the rollout":    {asBuiltIn, appWith(40, .05), "errors, by the guard", HasFew, "5% of the primary's own requests fail"},
		"scrapes that keep steps waiting":        {asBuiltIn, appWith(40, .001), "scrapes of the metrics", HasFew, "no step ends before 45s, and analysis.guard.minDwell of 15s has no effect: scrape every 5s"},
		"latencies without a histogram":          {asBuiltIn, appWith(40, .001), "latencies, by the guard", HasNone, "http_request_duration_seconds_bucket"},
		"latencies with bounds that tell":        {asBuiltIn, appWith(40, .001, .4, .2, .05), "latencies, by the guard", HasData, "slower than 50ms, 100ms, 250ms"},
		"latencies below all bounds":             {asBuiltIn, appWith(40, .001, 0, 0, 0), "latencies, by the guard", HasFew, "add bounds of 25ms, 10ms and 5ms"},
		"latencies above all bounds":             {asBuiltIn, appWith(40, .001, 1, 1, .9), "latencies, by the guard", HasNone, "add bounds of 500ms, 1.25s and 2.5s"},
		"latencies between two bounds":           {asBuiltIn, appWith(40, .001, 1, 1, .01, 0, 0), "latencies, by the guard", HasFew, "between 100ms and 250ms"},
		"a limit at a bound":                     {limit, appWith(40, .001, .4, .2, .05, .01), "request-duration", HasFew, "add a bound of 400ms"},
		"a limit above all bounds":               {limit, appWith(40, .001, .4, .2, .05), "request-duration", HasNone, "the last bound of the histogram is 250ms"},
		"a limit without a histogram":            {limit, appWith(40, .001), "request-duration", HasNone, "no histogram"},
		"a threshold with enough requests":       {byThresholds, appWith(40, .001), "request-success-rate", HasData, "about 120 requests in 30s"},
		"a threshold with too few":               {byThresholds, appWith(1, .001), "request-success-rate", HasFew, "about 3 requests in 30s of the first step; it needs 10"},
		"a threshold for durations that are not": {byThresholds, appWith(40, .001), "request-duration", HasNone, "no histogram"},
		"a query that was answered":              {own, appWith(40, .001), "queue", HasData, "yes"},
		"a query that nobody asked":              {func(a *v1alpha1.AnalysisSpec) { own(a); a.Metrics[0].Name = "other" }, appWith(40, .001), "other", NotAsked, "not asked"},
	} {
		q := Question{Policy: policyWith(t, c.change), App: c.app}
		all := q.Data(raw, map[string]Data{"queue": {"queue", HasData, "yes"}})
		at := slices.IndexFunc(all, func(d Data) bool { return d.Check == c.check })
		if at < 0 || all[at].Has != c.has || !strings.Contains(all[at].Why, c.why) {
			t.Errorf("%s: got %+v", name, all)
		}
	}
}

// TestScrapesKeepStepsWaiting holds that no step of a simulated rollout ends before its scrapes, and that frequent ones are not told.
func TestScrapesKeepStepsWaiting(t *testing.T) {
	q := Question{Policy: policyWith(t, asBuiltIn), App: appWith(2000, 0), Runs: 2, Seed: 1}
	q.App.ByPod = false
	steps := float64(len(StepsOf(q.Policy, 2000)))
	if took := q.Play().Healthy.PromotionSeconds.Mean; took < steps*leastScrapes*15 || took > steps*(leastScrapes+1)*15 {
		t.Errorf("%v steps took %v s", steps, took)
	}
	q.App.Scrape = 5 * time.Second
	if data, rare := q.scrapeData(); rare {
		t.Errorf("scrapes every 5 s are told: %+v", data)
	}
}

// TestTheHistogramFitsTheSimulator holds that the guard's bounds and those of a limit have room.
func TestTheHistogramFitsTheSimulator(t *testing.T) {
	if most, room := guard.MaxBounds+2, len(traffic.Bounds); most > room {
		t.Errorf("there may be %d bounds, and there is room for %d", most, room)
	}
}
