package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/queue"
)

// limiting permits one rollout, which gives its place back after a minute.
func limiting(w *world) {
	w.limits = observed.Limits{Cluster: 1, HeldFor: time.Minute}
}

func othersRun(w *world) {
	w.tell("another rollout starts")
	w.peers = func() []observed.Peer { return []observed.Peer{peer("a", "a", v1alpha1.PhaseProgressing, 0)} }
}

func noneRun(w *world) {
	w.tell("the other rollout ends")
	w.peers = func() []observed.Peer { return nil }
}

func goingBad(w *world) {
	w.tell("v2 fails half of its requests")
	w.behaviours = map[string]behaviour{"v2": {successRate: 50, p99: 20, requests: 100}}
}

func gaveBack(w *world) bool { return w.state.Open().PlaceGivenBack != nil }

func awaitsPlace(w *world) bool {
	return w.state.Paused != nil && w.state.Paused.Kind == v1alpha1.PauseQueue
}

var placeStories = map[string]story{
	"a paused rollout gives its place back and waits for one when it is resumed": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, limiting}, {immediately, setting("v2")}, {atStep(1), pausing}, {gaveBack, othersRun}, {gaveBack, resuming},
			{awaitsPlace, noneRun}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a rollout that is resumed before it gives its place back goes on at once": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts:  []act{{immediately, limiting}, {immediately, setting("v2")}, {atStep(1), pausing}, {atStep(1), othersRun}, {atStep(1), resuming}},
		phase: v1alpha1.PhaseSucceeded, version: "v2",
	},
	"a bad canary is rolled back while its rollout waits for a place": {
		annotations: quick, behaviours: map[string]behaviour{"v2": good},
		acts: []act{{immediately, limiting}, {immediately, setting("v2")}, {atStep(1), pausing}, {gaveBack, othersRun}, {gaveBack, resuming},
			// A crash may leave the canary without requests, which then needs the place to be judged.
			{awaitsPlace, goingBad}, {after(4 * time.Minute), noneRun}},
		phase: v1alpha1.PhaseFailed, version: "v1",
	},
}

// TestAPlaceIsGivenBackOnce holds what others see of a rollout that is held.
func TestAPlaceIsGivenBackOnce(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	limiting(w)
	w.tick()
	w.set("v2")
	w.runs(t, atStep(1))
	pausing(w)
	given := 0
	for range 200 {
		plan, _ := w.tick()
		for _, event := range plan.Events {
			if event.Reason == "PlaceGivenBack" {
				given++
			}
		}
		w.react()
		w.now = w.now.Add(time.Second)
	}
	if given != 1 {
		t.Errorf("the event was sent %d times", given)
	}
	if observed.HasPlace(w.state) || w.weight() == 0 {
		t.Errorf("it has its place, or its canary has no requests any more: %+v", w.state)
	}
}

// TestNobodyKeepsAPlaceByHoldingARollout holds that rollouts which have given their place back are in nobody's way, and that as
// many start as the limits permit without them.
func TestNobodyKeepsAPlaceByHoldingARollout(t *testing.T) {
	for seed := range uint64(2000) {
		chance := rand.New(rand.NewPCG(seed, 2))
		limits := observed.Limits{Cluster: chance.IntN(4), Namespace: 1 + chance.IntN(3), HeldFor: time.Minute}
		var peers []observed.Peer
		for i := range chance.IntN(9) {
			p := peer([]string{"a", "b"}[chance.IntN(2)], fmt.Sprint(i), v1alpha1.PhaseProgressing, chance.IntN(5))
			switch chance.IntN(3) {
			case 0:
				p = peer(p.Namespace, p.Name, v1alpha1.PhaseWaiting, chance.IntN(5))
			case 1:
				p.State.Rollout = &v1alpha1.RolloutStatus{PlaceGivenBack: p.State.Candidate.Requested.At}
				p.HasPlace = observed.HasPlace(p.State)
			}
			peers = append(peers, p)
		}
		without := slices.DeleteFunc(slices.Clone(peers), func(p observed.Peer) bool { return observed.Active(p.State) && !p.HasPlace })
		if got, want := queue.Next(peers, limits, epoch), queue.Next(without, limits, epoch); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v start, without the held ones %v", seed, got, want)
		}
	}
}
