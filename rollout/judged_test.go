package rollout_test

import (
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

var judgedStories = map[string]story{
	"somebody else requests the template in flight again": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(2), again("mallory")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a limit between two bounds of the histogram fails no version": {
		annotations: quick, behaviours: map[string]behaviour{"v2": coarselyTimed},
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a limit at a bound of the histogram fails a version beyond it": {
		annotations: quick, behaviours: map[string]behaviour{"v2": coarselyTimed}, policy: func(p *config.Policy) { p.MaxRequestDuration = 300 * time.Millisecond },
		acts:  []act{{immediately, setting("v2")}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// coarselyTimed answers in 350 ms, which is interpolated between the bounds of Traefik's histogram.
var coarselyTimed = behaviour{successRate: 100, p99: 1190, requests: 100, bounds: []float64{100, 300, 1200, 5000}}

// again resets the candidate and requests its template in the same request.
func again(user string) func(*world) {
	return func(w *world) {
		w.tell("%s resets %s and requests it again", user, w.candidate.Hash)
		w.candidate = &workload.Candidate{Hash: w.candidate.Hash, Template: w.candidate.Template, By: user, At: w.now}
	}
}

// checkJudged fails if a candidate reaches the primary that is not the very one that the state is about and the canary runs.
func (w *world) checkJudged(promoted workload.ID) {
	if judged := observed.IDOf(w.state); !judged.Is(promoted) {
		w.t.Errorf("%s is promoted, and %s was judged", promoted, judged)
	}
	if w.canary == nil || !workload.CanaryID(w.canary).Is(promoted) || versionOf(w.canary.Spec.Template) != promoted.Hash {
		w.t.Errorf("%s is promoted, and the canary is %+v", promoted, w.canary)
	}
}

// TestARequestIsForOneCandidate checks what a request is for, if it does or does not say when its candidate was requested.
func TestARequestIsForOneCandidate(t *testing.T) {
	w := newWorld(t, story{annotations: quick})
	w.set("v2")
	exact := w.candidate.ID().Requested()
	for name, c := range map[string]struct {
		change func(*v1alpha1.Request)
		acts   bool
	}{
		"at any time":                    {func(*v1alpha1.Request) {}, true},
		"at this time":                   {func(r *v1alpha1.Request) { r.Requested = exact }, true},
		"a microsecond earlier":          {func(r *v1alpha1.Request) { r.Requested = "2026-01-01T11:59:59.999999Z" }, false},
		"at a time that nobody can read": {func(r *v1alpha1.Request) { r.Requested = "0000-99-99T99:99:99.999999Z" }, false},
		"of another hash":                {func(r *v1alpha1.Request) { r.Candidate = "v" }, false},
	} {
		w.spec.Abort = nil
		aborting("v2", 0)(w)
		c.change(w.spec.Abort)
		if p, _ := w.tick(); (p.Next.Phase == v1alpha1.PhaseFailed) != c.acts {
			t.Errorf("a candidate requested %s: %s", name, p)
		}
		w.state, w.canary, w.canaryService, w.candidate = v1alpha1.CanaryStatus{}, nil, nil, nil
		w.set("v2")
	}
}
