package observed

import (
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
)

func TestUrgency(t *testing.T) {
	abort := v1alpha1.CanarySpec{Abort: &v1alpha1.Request{}}
	at := func(phase v1alpha1.Phase, step int32, weight float64) State {
		state := State{Phase: phase, CanaryWeight: weight, Rollout: &v1alpha1.RolloutStatus{}}
		state.Rollout.Step.Number = step
		return state
	}
	for name, c := range map[string]struct {
		spec  v1alpha1.CanarySpec
		state State
		want  Urgency
	}{
		"new":                        {want: AtRest},
		"initialized":                {state: State{Phase: v1alpha1.PhaseInitialized}, want: AtRest},
		"waiting":                    {state: State{Phase: v1alpha1.PhaseWaiting}, want: AtRest},
		"an old abort":               {spec: abort, state: State{Phase: v1alpha1.PhaseFailed}, want: AtRest},
		"starting":                   {state: at(v1alpha1.PhaseProgressing, 0, 0), want: Open},
		"starting, to be aborted":    {spec: abort, state: at(v1alpha1.PhaseProgressing, 0, 0), want: Exposed},
		"with weight":                {state: at(v1alpha1.PhaseProgressing, 1, 10), want: Exposed},
		"with matched requests only": {state: at(v1alpha1.PhaseProgressing, 1, 0), want: Exposed},
		"being cleaned up":           {state: at(v1alpha1.PhaseFinalising, 2, 0), want: Exposed},
		"with weight that is left":   {state: at(v1alpha1.PhaseFailed, 0, 10), want: Exposed},
	} {
		if got := UrgencyOf(c.spec, c.state); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
