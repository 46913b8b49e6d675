package plugin

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// routesLine lists the routes on which the split is not in effect, and why; empty if there are none.
func routesLine(status v1alpha1.CanaryStatus) string {
	var waiting []string
	for _, route := range status.Observed.Routes {
		if !route.InEffect {
			waiting = append(waiting, fmt.Sprintf("%s at %s%%: %s", route.Name, route.Weight, route.Reason))
		}
	}
	return strings.Join(waiting, "; ")
}

// cohortLine shows where the requests of the cohort go.
func cohortLine(status v1alpha1.CanaryStatus) string {
	var members []string
	for _, member := range status.Cohort {
		text := fmt.Sprintf("%s to %s", member.Service, member.Target)
		if member.Waiting != "" {
			text += " (waiting: " + member.Waiting + ")"
		}
		members = append(members, text)
	}
	return strings.Join(members, "; ")
}
