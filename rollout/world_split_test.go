package rollout_test

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/plan"
)

func (w *world) applySplit(intent plan.SplitIntent) {
	before, split, broken := w.weight(), w.split(), w.broken()
	updated, err := w.route, error(nil)
	switch intent.Action {
	case plan.SplitWrite:
		updated, err = route.WithSplit(w.route, intent.Split)
	case plan.SplitRemove:
		updated = route.WithoutSplit(w.route, w.key())
	}
	if err != nil && w.shares {
		return // the next tick sees what is in the way
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if !route.SameRules(updated, w.route) {
		updated.Generation++
	}
	w.route = updated
	w.checkWeight(before)
	if broken == "" {
		w.checkReturn(before)
	}
	w.tellSplit(split)
	w.checkControl(split.Control, w.split().Control, w.weight())
}

func (w *world) key() types.NamespacedName {
	return types.NamespacedName{Namespace: "test", Name: w.primary.Name}
}

// split is the split that the route states; an empty one when it states none.
func (w *world) split() route.Split {
	if stated := w.route.Annotations[config.AnnotationSplit]; stated != w.stated {
		w.stated, w.decoded = stated, route.Split{}
		if split := route.SplitFor(w.route, w.key()); split != nil {
			w.decoded = *split
		}
	}
	return w.decoded
}

// tellSplit tells what the route states besides the weight, if that has changed, and fails if it sends anything to a canary
// that cannot serve it.
func (w *world) tellSplit(before route.Split) {
	after := w.split()
	if len(after.Match) > len(before.Match) || after.Mirror > before.Mirror {
		needed := workload.Enough(workload.CanaryReplicas(w.policy.Canary, *w.primary.Spec.Replicas, after.Mirror), w.policy.CanaryReadyThreshold)
		if w.canary == nil || w.canary.Status.AvailableReplicas < needed {
			w.t.Errorf("requests come to a canary without the %d replicas that they need: %s", needed, after.Encode())
		}
	}
	if was, is := besides(before), besides(after); was != is {
		w.tell("the route has %s", is)
	}
}

// besides is everything in a split except its weight.
func besides(split route.Split) string {
	var parts []string
	if len(split.Match) > 0 {
		parts = append(parts, fmt.Sprintf("%d matches", len(split.Match)))
	}
	if split.Mirror > 0 {
		parts = append(parts, fmt.Sprintf("copies of %v%%", split.Mirror))
	}
	if affinity := split.Affinity; affinity != nil {
		parts = append(parts, "cookie "+affinity.Cookie.String())
		if affinity.Primary != nil {
			parts = append(parts, "cookie of the primary "+affinity.Primary.String())
		}
		for _, cookie := range affinity.Expired {
			parts = append(parts, "takes back "+cookie.Name)
		}
	}
	if split.Control != "" {
		parts = append(parts, "a control with the canary's weight")
	}
	if len(parts) == 0 {
		return "only weights"
	}
	return strings.Join(parts, ", ")
}

// weight is the weight in the rules, 0 to 100.
func (w *world) weight() float64 {
	return route.WeightOf(w.route, w.split())
}
