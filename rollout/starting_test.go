package rollout_test

import (
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// knownAtGateway is a world whose gateway has just learned of the canary.
func knownAtGateway(t *testing.T) *world {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
	w.tick()
	w.set("v2")
	w.runs(t, func(w *world) bool { return w.state.Open().Canary.Known != nil })
	return w
}

func (w *world) passes(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(500 * time.Millisecond)
		w.tick()
	}
}

func TestACanaryIsUnknownAgainOnceItsRouteIsNotInEffect(t *testing.T) {
	for name, change := range map[string]func(*world){
		"the user edits the route, and the gateway has not seen that": func(w *world) {
			w.silent = true
			w.route.Generation++
		},
		"the Service is gone": func(w *world) { w.service.Spec.Selector = map[string]string{"app": "other"} },
	} {
		t.Run(name, func(t *testing.T) {
			w := knownAtGateway(t)
			change(w)
			w.passes(5 * time.Second)
			if open := w.state.Open(); open.Step.Number != 0 || open.Canary.Known != nil || w.state.CanaryWeight != 0 {
				t.Errorf("it takes step %d at weight %v, the canary is known since %v: %s", open.Step.Number, w.state.CanaryWeight, open.Canary.Known, w.state.Message)
			}
		})
	}
}

// TestAGatewayThatForgetsTheCanaryLearnsItAgain warms the canary up, so that the gateway has known it for long when that is lost.
func TestAGatewayThatForgetsTheCanaryLearnsItAgain(t *testing.T) {
	for name, c := range map[string]struct{ lose, regain func(*world) }{
		"the gateway refuses the backend":            {rejecting("BackendNotFound"), rejecting("")},
		"somebody puts a route without the split in": {losingSplit, func(*world) {}},
	} {
		for strategy, matches := range map[string][]v1alpha1.HTTPMatch{"with testers": testers, "without testers": nil} {
			t.Run(name+", "+strategy, func(t *testing.T) {
				w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good},
					policy: func(p *config.Policy) { p.Match, p.Delay = matches, time.Minute }})
				w.tick()
				w.set("v2")
				w.runs(t, saying("The canary is ready and warms up"))
				w.runs(t, func(w *world) bool { return w.now.Sub(w.state.Open().Canary.Known.Time) > 30*time.Second })
				c.lose(w)
				w.react()
				w.tick()
				if known, sends := w.state.Open().Canary.Known, w.sends(); known != nil || sends != "" {
					t.Errorf("the canary is known since %v, and the route sends it %s: %s", known, sends, w.state.Message)
				}
				w.passes(time.Second)
				c.regain(w)
				w.runs(t, atStep(1))
			})
		}
	}
}
