package rollout_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// away lets nobody look for a while. The process that looks afterwards has no memory.
func (w *world) away(gap time.Duration) {
	w.tell("nobody looks for %s", gap)
	w.now = w.now.Add(gap)
	w.seenSince, w.round, w.late = w.now, round{}, true
}

func beingAway(gap time.Duration) func(*world) { return func(w *world) { w.away(gap) } }

// minute is a policy with a deadline of a minute.
var minute = map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationMaxWeight: "20", config.AnnotationProgressDeadline: "60s"}

// awayStories are of an hour in which Sluice or the API server was away, in the middle of something that has a deadline.
var awayStories = map[string]story{
	"nobody looks for an hour in the middle of a step": {
		annotations: minute, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), beingAway(time.Hour)}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"nobody looks for an hour while a bad version is judged": {
		annotations: minute, behaviours: map[string]behaviour{"v2": failing},
		acts:  []act{{immediately, setting("v2")}, {atStep(1), beingAway(time.Hour)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
	"nobody looks for an hour while a weight takes effect": {
		annotations: minute, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, setting("v2")}, {atStep(1), func(w *world) { w.silent = true }},
			{saying("Waiting for weight 20% to take effect"), beingAway(time.Hour)}, {immediately, func(w *world) { w.silent = false; w.react() }}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"nobody looks for an hour while the primary gets the candidate": {
		annotations: minute, behaviours: map[string]behaviour{"v2": {successRate: 100, p99: 20, requests: 100, primaryNotReady: true}},
		acts: []act{{immediately, setting("v2")}, {func(w *world) bool { return w.previous != nil }, beingAway(time.Hour)},
			{saying("Waiting for the primary to roll out"), func(w *world) { w.behaviours = map[string]behaviour{"v2": good} }}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"nobody looks for an hour while the canary starts, which never gets ready": {
		annotations: minute, behaviours: map[string]behaviour{"v2": {neverReady: true}},
		acts:  []act{{immediately, setting("v2")}, {func(w *world) bool { return w.canary != nil }, beingAway(time.Hour)}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// TestStoriesInWhichNobodyLooks plays every story with a gap of any length before any tick, in which the cluster goes on or,
// without its API server, stands still. The story must end in the same way.
func TestStoriesInWhichNobodyLooks(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ticks := 0
			playBetween(t, s, nil, func(_ *world, number int) { ticks = number })
			for seed := range 2 * *seeds {
				chance := rand.New(rand.NewPCG(seed, 3))
				at, gap := chance.IntN(ticks+1), time.Duration(chance.Int64N(int64(time.Hour)))
				s.check(t, playBetween(t, s, nil, func(w *world, number int) {
					if number != at {
						return
					}
					if seed%2 == 0 {
						w.react()
					}
					w.away(gap)
				}))
				if t.Failed() {
					t.Fatalf("with seed %d: %s before tick %d of %d", seed, gap, at, ticks)
				}
			}
		})
	}
}
