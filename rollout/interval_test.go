package rollout_test

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// behaves changes how v2 behaves from now on.
func behaves(b behaviour, how string) func(*world) {
	return func(w *world) {
		w.tell("v2 %s", how)
		w.behaviours = maps.Clone(w.behaviours)
		w.behaviours["v2"] = b
	}
}

// tenIntervals is one step of ten intervals.
func tenIntervals(p *config.Policy) {
	p.Interval, p.Threshold, p.ExplicitSteps = 10*time.Second, 5, []config.Step{{Weight: 20, Duration: 100 * time.Second}}
}

// unguarded leaves the verdict to thresholds.
var unguarded = map[string]string{config.AnnotationGuard: "false"}

var intervalStories = map[string]story{
	"one bad interval of ten does not roll back with threshold 5": {
		annotations: unguarded, policy: tenIntervals, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {after(55 * time.Second), behaves(failing, "fails half of its requests")}, {after(63 * time.Second), behaves(good, "is good again")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"five failed intervals of ten roll back with threshold 5": {
		annotations: unguarded, policy: tenIntervals, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"at a scrape a minute a good version is promoted": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good}, prepare: scrapedEvery(time.Minute),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"at a scrape a minute a bad version is rolled back": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "30", config.AnnotationThreshold: "2"},
		behaviours:  map[string]behaviour{"v2": failing}, prepare: scrapedEvery(time.Minute),
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"checks that lack data are made again before the deadline, however long the interval is": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "1h", config.AnnotationMaxWeight: "10", config.AnnotationProgressDeadline: "10m"},
		behaviours:  map[string]behaviour{"v2": silent},
		acts:        []act{{immediately, setting("v2")}, {after(time.Hour + 3*time.Minute), behaves(good, "gets requests")}},
		phase:       v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a step that has passed and waits for a hook stays passed without data": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		prepare: withHooks(map[v1alpha1.HookType]func(*world) bool{v1alpha1.HookConfirmPromotion: after(3 * time.Minute)}),
		acts:    []act{{immediately, setting("v2")}, {inPhase(v1alpha1.PhaseWaitingPromotion), behaves(silent, "gets no requests")}},
		phase:   v1alpha1.PhaseSucceeded, version: "v2",
	},
}

// scrapedEvery makes Prometheus scrape this often. It counts nothing in a window without two scrapes.
func scrapedEvery(every time.Duration) func(*world) { return func(w *world) { w.scrapes = every } }

var inQuery = regexp.MustCompile(`\[(\d+)ms\]`)

// windowIn is how far back a query looks.
func windowIn(t *testing.T, query analysis.Query) time.Duration {
	found := inQuery.FindStringSubmatch(query.Expression)
	if found == nil {
		t.Fatalf("%s has no window", query.Expression)
	}
	milliseconds, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// sees reports whether a query sees two scrapes.
func (w *world) sees(query analysis.Query) bool {
	return w.scrapes == 0 || w.now.Truncate(w.scrapes).Sub(w.now.Add(-windowIn(w.t, query)).Truncate(w.scrapes)) >= 2*w.scrapes
}

// TestNoRequestIsJudgedTwice plays rollouts at all kinds of scrapes. A round begins where the last that judged a check has ended, and is no
// earlier than the interval after it unless the step ends.
func TestNoRequestIsJudgedTwice(t *testing.T) {
	for _, scrapes := range []time.Duration{0, 2 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute} {
		t.Run(fmt.Sprintf("a scrape every %s", scrapes), func(t *testing.T) {
			judged, rounds := map[string]time.Time{}, 0
			play(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}, acts: []act{{immediately, setting("v2")}}, prepare: func(w *world) {
				w.scrapes = scrapes
				w.seen = func(o observed.World, facts rollout.Facts, p plan.Plan) {
					for _, query := range facts.Needs().Queries {
						from := o.Now.Add(-windowIn(t, query))
						if query.Check != "" && from.Before(judged[query.Check].Add(-time.Millisecond)) {
							t.Errorf("at %s, %s looks back to %s, and was judged at %s", o.Now, query.Check, from, judged[query.Check])
						}
					}
					for _, check := range p.Next.Checks {
						if last := judged[check.Name]; check.Judged != nil && check.Judged.After(last) {
							judged[check.Name] = check.Judged.Time
							rounds++
						}
					}
				}
			}}, nil)
			if rounds != 6 {
				t.Errorf("two checks were judged %d times in three steps", rounds)
			}
		})
	}
}

// TestAMetricWithAnIntervalLooksThatFarBack also where that is longer than the interval of the analysis.
func TestAMetricWithAnIntervalLooksThatFarBack(t *testing.T) {
	w := inFirstStep(t, quick)
	w.policy.Checks = []v1alpha1.Metric{{Name: v1alpha1.MetricSuccessRate, Interval: &metav1.Duration{Duration: 25 * time.Second}}, {Name: v1alpha1.MetricDuration}}
	began := w.now
	for _, c := range []struct{ after, fixed, grows time.Duration }{{10, 10, 10}, {20, 20, 10}, {40, 25, 20}} {
		w.now = began.Add(c.after * time.Second)
		for _, query := range factsFor(w.policy, w.state, w.look()).Needs().Queries {
			want := map[string]time.Duration{v1alpha1.MetricSuccessRate: c.fixed, v1alpha1.MetricDuration: c.grows}[query.Check] * time.Second
			if got := windowIn(t, query); query.Check != "" && (got < want || got > want+time.Second) {
				t.Errorf("after %d s, %s looks back %s, not %s", c.after, query.Check, got, want)
			}
		}
		w.tick()
	}
}

// TestALongIntervalIsLookedAroundIn has rounds of checks once an hour. What surrounds the rollout may change at any time, and not all of it
// wakes a tick.
func TestALongIntervalIsLookedAroundIn(t *testing.T) {
	looks := 0
	play(t, story{
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "1h", config.AnnotationMaxWeight: "10"}, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}},
		prepare: func(w *world) {
			w.seen = func(_ observed.World, _ rollout.Facts, p plan.Plan) {
				if step := p.Next.Open().Step; step.InEffect == nil || p.Next.Phase != v1alpha1.PhaseProgressing {
					return
				}
				if looks++; p.Wait <= 0 || p.Wait > 5*time.Second {
					t.Errorf("the next look is in %s", p.Wait)
				}
			}
		},
	}, nil)
	if looks < 100 {
		t.Errorf("the step of an hour was looked at %d times", looks)
	}
}
