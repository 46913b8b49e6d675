package rollout_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
)

// seenOf plays a story and returns the values of its status one after the other, without repetitions.
func seenOf(t *testing.T, name string, of func(observed.State) string) []string {
	t.Helper()
	var seen []string
	s := stories[name]
	note := func(w *world, _ int) { seen = append(seen, of(w.state)) }
	note(playBetween(t, s, nil, note), 0)
	return slices.Compact(seen)
}

// TestTheStatusCounts holds that status.failedChecks and status.phase take the values that Flagger's take.
func TestTheStatusCounts(t *testing.T) {
	for name, c := range map[string]struct {
		story string
		of    func(observed.State) string
		want  []string
	}{
		"failed checks until a rollback": {"a version that fails half of its requests is rolled back", func(s observed.State) string { return fmt.Sprint(s.FailedChecks) },
			[]string{"0", "1", "2", "3", "4", "5"}},
		"phases of a promotion": {"every hook says yes", func(s observed.State) string { return string(s.Phase) },
			[]string{"Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising", "Succeeded"}},
		"phases of a rollback": {"a version that fails half of its requests is rolled back", func(s observed.State) string { return string(s.Phase) },
			[]string{"Initialized", "Progressing", "Finalising", "Failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			if seen := seenOf(t, c.story, c.of); !slices.Equal(seen, c.want) {
				t.Errorf("got %q, not %q", seen, c.want)
			}
		})
	}
}

// TestTheTimeOfTheLastTransitionIsThatOfPhaseAndWeight holds that nothing else moves status.lastTransitionTime. A status has whole seconds.
func TestTheTimeOfTheLastTransitionIsThatOfPhaseAndWeight(t *testing.T) {
	w := newWorld(t, stories["a good version is promoted"])
	w.tick()
	w.set("v2")
	moves := 0
	for w.state.Phase != v1alpha1.PhaseSucceeded && w.now.Sub(epoch) < 10*time.Minute {
		phase, weight, at := w.state.Phase, w.state.CanaryWeight, w.state.LastTransitionTime
		w.tick()
		w.react()
		want := at.Time
		if w.state.Phase != phase || w.state.CanaryWeight != weight {
			want = w.now.Truncate(time.Second)
			moves++
		}
		if got := w.state.LastTransitionTime.Truncate(time.Second); !got.Equal(want) {
			t.Errorf("from %s at %v %% to %s at %v %%: the time is %s at %s", phase, weight, w.state.Phase, w.state.CanaryWeight, got, w.now)
		}
		w.now = w.now.Add(500 * time.Millisecond)
	}
	if moves < 5 {
		t.Errorf("%d transitions", moves)
	}
}
