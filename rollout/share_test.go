package rollout_test

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// busy gets enough requests for its share to mean something.
var busy = behaviour{successRate: 100, p99: 20, requests: 1000}

// sharing gives the canary another share of the requests than its weight.
func sharing(percent float64) func(*world) { return func(w *world) { w.share = percent } }

var shareStories = map[string]story{
	"the canary gets fewer requests than its weight": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "2m", config.AnnotationMaxWeight: "30"}, behaviours: map[string]behaviour{"v2": busy},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), sharing(3)}, {atStep(3), sharing(0)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"users who stay at a version make the share differ": {
		annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "2m", config.AnnotationMaxWeight: "20"}, behaviours: map[string]behaviour{"v2": busy},
		policy: sticky, acts: []act{{immediately, setting("v2")}, {atStep(1), sharing(3)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"the share of a step that is shorter than the window is not compared": {
		annotations: quick, behaviours: map[string]behaviour{"v2": busy},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), sharing(3)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
}

func TestADifferenceIsShownForAsLongAsItIsThere(t *testing.T) {
	w := newWorld(t, story{annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "1m"}, behaviours: map[string]behaviour{"v2": busy}})
	w.tick()
	w.set("v2")
	w.runs(t, atStep(1))
	pausing(w)
	for _, c := range []struct {
		share float64
		says  string
	}{{3, "At weight 10% the canary got 3.0% of 33333 requests"}, {0, ""}, {4, "At weight 10% the canary got 4.0% of 25000 requests"}} {
		w.share = c.share
		for range 10 {
			w.now = w.now.Add(15 * time.Second)
			w.tick()
			w.react()
		}
		if got := w.state.Observed.Difference; got != c.says {
			t.Errorf("it says %q, want %q", got, c.says)
		}
	}
	if told := strings.Count(strings.Join(w.log, "\n"), "ShareDiffers"); told != 1 {
		t.Errorf("it is told %d times", told)
	}
}
