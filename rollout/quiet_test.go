package rollout_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"sluice.dev/sluice/config"
)

// A changed state is written, and a write wakes the next tick. If nothing happens, nothing may change.
func TestAStateThatIsWrittenAnewWakesNoTickWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world)
		change  func(*world, string)
		crash   int
	}{
		"of a dry run":                      {func(w *world) { w.dryRun = true }, (*world).change, -1},
		"while the split cannot be written": {func(*world) {}, (*world).set, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}})
			c.prepare(w)
			w.tick()
			c.change(w, "v2")
			for range 1000 {
				plan := planFor(w.policy, w.state, w.observe())
				if plan.Next.CanaryWeight > 0 {
					break
				}
				w.tick()
				w.react()
				w.now = w.now.Add(100 * time.Millisecond)
			}
			w.crash = c.crash
			for range 3 {
				w.tick()
				w.now = w.now.Add(time.Millisecond)
			}
			if w.state.CanaryWeight == 0 {
				t.Fatal("the canary never gets a weight")
			}
			written := *w.state.DeepCopy()
			if next := planFor(w.policy, w.state, w.observe()).Next; !equality.Semantic.DeepEqual(written, next) {
				t.Errorf("the state changes, although nothing has happened:\n%+v\n%+v", written, next)
			}
		})
	}
}

func TestCookiesThatAGatewayDoesNotTakeBackKeepNoTicksComing(t *testing.T) {
	w := newWorld(t, story{annotations: quick, behaviours: map[string]behaviour{"v2": good}, policy: sticky})
	w.tick()
	w.set("v2")
	for range 1000 {
		if w.weight() > 0 && w.state.Open().Step.InEffect != nil {
			break
		}
		w.tick()
		w.react()
		w.now = w.now.Add(100 * time.Millisecond)
	}
	w.set("v1") // taken back; from here on the gateway reports nothing
	w.tick()
	w.now = w.now.Add(2 * time.Minute)
	w.tick()
	w.now = w.now.Add(time.Second)
	if plan, _ := w.tick(); plan.Wait > 0 && plan.Wait < time.Second {
		t.Errorf("the next tick comes after %s: %s", plan.Wait, plan)
	}
}

// A sentence that stands for one tick is one that nobody can read, nor wait for.
func TestAPrimaryThatCannotTakeMoreSaysSoUntilItCan(t *testing.T) {
	w := newWorld(t, story{annotations: half, behaviours: map[string]behaviour{"v2": good}, policy: func(p *config.Policy) { p.StepWeightPromotion = 6 }})
	autoscaled(w)
	w.tick()
	w.set("v2")
	w.runs(t, func(w *world) bool { return strings.Contains(w.state.Message, "as its replicas become available") })
	said := *w.state.DeepCopy()
	for range 5 {
		w.now = w.now.Add(time.Second)
		if w.tick(); !equality.Semantic.DeepEqual(said, w.state) {
			t.Fatalf("the state changes, although nothing has happened:\n%+v\n%+v", said, w.state)
		}
	}
}
