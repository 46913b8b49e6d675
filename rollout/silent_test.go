package rollout_test

import (
	"testing"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// TestEveryCleanUpAwaitsAGatewayEquallyLong ends a rollout at weight 20 in several ways while the gateway reports nothing.
func TestEveryCleanUpAwaitsAGatewayEquallyLong(t *testing.T) {
	for name, c := range map[string]struct {
		gone     bool
		deadline string
		want     time.Duration
	}{
		"a silent gateway": {deadline: "3m", want: 3 * time.Minute},
		"a silent gateway, and a deadline of seconds": {deadline: "20s", want: time.Minute},
		"no Gateway": {gone: true, deadline: "3m", want: time.Minute},
	} {
		for _, deleted := range []bool{false, true} {
			w := newWorld(t, story{annotations: map[string]string{config.AnnotationGuard: "false", config.AnnotationInterval: "10s", config.AnnotationProgressDeadline: c.deadline},
				behaviours: map[string]behaviour{"v2": good}})
			w.tick()
			w.set("v2")
			w.runs(t, func(w *world) bool { return w.weight() == 20 })
			w.silent, w.gone = true, c.gone
			began := w.now
			if !deleted {
				w.set("v1")
			}
			for w.finalizer && w.now.Sub(began) < time.Hour {
				o := w.observe()
				if deleted {
					o.DeletedAt = &began
				}
				p := planFor(w.policy, w.state, o)
				w.apply(p)
				if p.Wait > 0 && p.Wait < time.Second && p.Next.Phase != v1alpha1.PhaseFinalising {
					t.Errorf("%s: it looks again after %s", name, p.Wait)
				}
				w.now = w.now.Add(max(p.Wait, 100*time.Millisecond))
			}
			if took := w.now.Sub(began); took < c.want || took > c.want+5*time.Second {
				t.Errorf("%s, deleted %v: given up after %s, not %s", name, deleted, took, c.want)
			}
		}
	}
}
