package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/target"
)

// TestTheStatusListsOnlySomeOfManyRoutes has thousands of routes, as any granted namespace may create them.
func TestTheStatusListsOnlySomeOfManyRoutes(t *testing.T) {
	var found target.Target
	var statuses []v1alpha1.RouteStatus
	for i := range 3000 {
		r := route.Route{Kind: route.HTTP}
		r.Name, r.Namespace = fmt.Sprintf("route-%d", i), "elsewhere"
		found.Routes = append(found.Routes, r)
		statuses = append(statuses, v1alpha1.RouteStatus{Name: r.Name, InEffect: i != 2500})
	}
	status := found.Status()
	if len(status.Routes) != v1alpha1.ListedRoutes || status.MoreRoutes != 3000-v1alpha1.ListedRoutes {
		t.Errorf("%d routes are listed and %d are not", len(status.Routes), status.MoreRoutes)
	}
	f := Facts{target: found, before: observed.State{Target: status}}
	if names := f.splitNames(); len(names) < 3000 {
		t.Errorf("only %d routes are awaited at the end", len(names))
	}
	if message := f.foundRoutes(); len(message) > 2000 || !strings.HasSuffix(message, "and 2980 more") {
		t.Errorf("the message is %q", message)
	}
	var next observed.State
	listRoutes(&next, statuses)
	if shown := next.Observed; len(shown.Routes) != v1alpha1.ListedRoutes || shown.MoreRoutes != 3000-v1alpha1.ListedRoutes || shown.Routes[0].Name != "route-2500" {
		t.Errorf("%d routes are listed, %d are not, and the first is %s", len(shown.Routes), shown.MoreRoutes, shown.Routes[0].Name)
	}
}

// TestANewRouteInMidStepIsNotUndercut has more routes than the status lists.
func TestANewRouteInMidStepIsNotUndercut(t *testing.T) {
	stated := route.Split{Weight: 20}
	for name, c := range map[string]struct {
		lose, add []int
		want      string
	}{
		"all carry the split":           {},
		"a route is new":                {add: []int{60}},
		"a listed route has lost it":    {lose: []int{7}, want: "route-7"},
		"an unlisted route has lost it": {lose: []int{55}, want: "route-55"},
		"both":                          {lose: []int{55}, add: []int{60}, want: "route-55"},
	} {
		t.Run(name, func(t *testing.T) {
			step := &v1alpha1.RolloutStatus{Step: v1alpha1.StepStatus{Number: 1, InEffect: &metav1.MicroTime{}}}
			now := tick{}
			now.plan.Next.Phase, now.plan.Next.CanaryWeight, now.plan.Next.Rollout = v1alpha1.PhaseProgressing, 20, step
			var found target.Target
			for i := range 60 {
				r := route.Route{Kind: route.HTTP}
				r.Name = fmt.Sprintf("route-%d", i)
				found.Routes = append(found.Routes, r)
				if !slices.Contains(c.lose, i) {
					now.splits = append(now.splits, observed.Split{Key: r.Key(), Split: stated})
				}
			}
			now.before.Target = found.Status()
			for _, i := range c.add {
				r := route.Route{Kind: route.HTTP}
				r.Name = fmt.Sprintf("route-%d", i)
				found.Routes = append(found.Routes, r)
			}
			now.target = found
			if got := now.undercut(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("undercut: %q", got)
			}
		})
	}
}
