package rollout

import (
	"fmt"
	"strings"
	"testing"

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
