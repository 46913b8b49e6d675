package splitbrain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// write is a write to the route or to the Canary of an app. Both are in one store, which numbers all writes.
type write struct {
	revision uint64
	// state is nil if the route was written.
	state *v1alpha1.CanaryStatus
	// weight is the canary's percentage of the requests, by the rules of the route.
	weight float64
}

// recording has all writes, regardless of the writer.
type recording struct {
	mu     sync.Mutex
	writes []write
}

// record watches an app until the test ends.
func record(t *testing.T, a app) *recording {
	t.Helper()
	r := &recording{}
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	for _, list := range []client.ObjectList{&gatewayv1.HTTPRouteList{}, &v1alpha1.CanaryList{}} {
		watching, err := server.Client.Watch(ctx, list, client.InNamespace(a.namespace))
		if err != nil {
			t.Fatal(err)
		}
		over.Go(func() {
			defer watching.Stop()
			for event := range watching.ResultChan() {
				r.add(event)
			}
		})
	}
	t.Cleanup(func() { stop(); over.Wait() })
	return r
}

func (r *recording) add(event watch.Event) {
	var w write
	object, ok := event.Object.(client.Object)
	if !ok {
		return
	}
	switch o := object.(type) {
	case *gatewayv1.HTTPRoute:
		w.weight = shareOf(o)
	case *v1alpha1.Canary:
		w.state = &o.Status
	}
	w.revision, _ = strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, w)
}

// inOrder returns all writes so far, in order.
func (r *recording) inOrder() []write {
	r.mu.Lock()
	defer r.mu.Unlock()
	ordered := slices.Clone(r.writes)
	slices.SortStableFunc(ordered, func(a, b write) int { return int(a.revision) - int(b.revision) })
	return ordered
}

// shareOf returns the canary's share in percent.
func shareOf(route *gatewayv1.HTTPRoute) float64 {
	var all, canary float64
	for _, ref := range route.Spec.Rules[0].BackendRefs {
		weight := 1.0
		if ref.Weight != nil {
			weight = float64(*ref.Weight)
		}
		all += weight
		if ref.Name == "podinfo-canary" {
			canary += weight
		}
	}
	return 100 * canary / max(1, all)
}

// excesses returns the weights on the route that no state of the Canary allowed. A route is written only in the version that
// was read, so each write rests on a state that was current at some moment since the previous write of the route.
func excesses(writes []write) []string {
	var found []string
	var current, allowed, weight float64
	for _, w := range writes {
		if w.state != nil {
			current = w.state.CanaryWeight
			allowed = max(allowed, current)
			continue
		}
		if w.weight > allowed && w.weight != weight {
			found = append(found, fmt.Sprintf("revision %d gives weight %v where at most %v was allowed", w.revision, w.weight, allowed))
		}
		allowed, weight = current, w.weight
	}
	return found
}

// story describes the rollouts, one line for each change that matters, without times.
func story(writes []write) []string {
	var lines []string
	var weight float64
	var state string
	for _, w := range writes {
		switch {
		case w.state == nil && w.weight != weight:
			weight = w.weight
			lines = append(lines, fmt.Sprintf("the route gives %v%%", weight))
		case w.state != nil && w.state.Candidate.Hash != "":
			told := fmt.Sprintf("%s: %s %s step %d asks %v%%, %d failed checks, %d rollouts before", w.state.Candidate.Images, w.state.Phase, w.state.Candidate.Outcome,
				w.state.Open().Step.Number, w.state.CanaryWeight, w.state.FailedChecks, len(w.state.History))
			if told != state {
				state = told
				lines = append(lines, told)
			}
		}
	}
	return lines
}
