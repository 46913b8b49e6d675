package route

import (
	"math/rand/v2"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

const serving, former = "example.com/serving", "example.com/former"

func sectionOf(name string) gatewayv1.ParentReference {
	ref := gatewayv1.ParentReference{Name: "gateway"}
	if section := gatewayv1.SectionName(name); section != "" {
		ref.SectionName = &section
	}
	return ref
}

// report is what a controller says of generations up to this one.
func report(controller, section string, generation int64) gatewayv1.RouteParentStatus {
	status := gatewayv1.RouteParentStatus{ParentRef: sectionOf(section), ControllerName: gatewayv1.GatewayController(controller)}
	for _, kind := range []string{"Accepted", "ResolvedRefs"} {
		status.Conditions = append(status.Conditions, metav1.Condition{Type: kind, Status: "True", ObservedGeneration: generation})
	}
	return status
}

// reportedBy is a route of generation 2 with these reports, as they count for the controller that serves every Gateway.
func reportedBy(parents []gatewayv1.ParentReference, reports ...gatewayv1.RouteParentStatus) Route {
	r := routeWith("shop")
	r.Generation, r.ParentRefs, r.Parents = 2, parents, reports
	return WithReportsOf([]Route{r}, func(Parent) string { return serving })[0]
}

func TestOnlyTheServingControllerReports(t *testing.T) {
	for name, c := range map[string]struct {
		section    string
		reports    []gatewayv1.RouteParentStatus
		in, silent bool
	}{
		"its own report":                           {"", []gatewayv1.RouteParentStatus{report(serving, "", 2)}, true, false},
		"a former controller's leftover":           {"", []gatewayv1.RouteParentStatus{report(serving, "", 2), report(former, "", 1)}, true, false},
		"only a former controller's":               {"", []gatewayv1.RouteParentStatus{report(former, "", 2)}, false, true},
		"a leftover for a listener named before":   {"", []gatewayv1.RouteParentStatus{report(serving, "https", 1), report(serving, "", 2)}, true, false},
		"a fresh report for another listener":      {"http", []gatewayv1.RouteParentStatus{report(serving, "http", 1), report(serving, "https", 2)}, false, false},
		"reports for each listener":                {"", []gatewayv1.RouteParentStatus{report(serving, "http", 2), report(serving, "https", 2)}, true, false},
		"reports for each listener, one not fresh": {"", []gatewayv1.RouteParentStatus{report(serving, "http", 2), report(serving, "https", 1)}, false, false},
		"a report for the whole Gateway only":      {"http", []gatewayv1.RouteParentStatus{report(serving, "", 2)}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := reportedBy([]gatewayv1.ParentReference{sectionOf(c.section)}, c.reports...)
			if ok, why := InEffect(r); ok != c.in {
				t.Errorf("in effect: %v %q", ok, why)
			}
			if ok, why := Processed(r); ok != c.in {
				t.Errorf("processed: %v %q", ok, why)
			}
			if parent := Unreported(r); (parent != "") != c.silent {
				t.Errorf("unreported: %q", parent)
			}
			if IsAbandoned(r, func(Parent) bool { return true }) != (c.in || c.silent) {
				t.Error("is abandoned only if nobody reports")
			}
		})
	}
}

func TestAnUnknownControllerMayBeAny(t *testing.T) {
	routes := []Route{{Parents: []gatewayv1.RouteParentStatus{report(former, "", 1)}}}
	if got := WithReportsOf(routes, func(Parent) string { return "" }); len(got[0].Parents) != 1 {
		t.Error("a report was dropped although nobody knows who serves the parent")
	}
	if got := WithReportsOf(routes, func(Parent) string { return serving }); len(got[0].Parents) != 0 || len(routes[0].Parents) != 1 {
		t.Errorf("got %v, and %v is left of the argument", got, routes)
	}
}

// TestLeftoversChangeNothing adds to random reports those that nobody updates: of other controllers for any parent, and of the
// serving one for listeners that the route does not name.
func TestLeftoversChangeNothing(t *testing.T) {
	sections := []string{"", "http", "https"}
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 3))
		var parents []gatewayv1.ParentReference
		var reports []gatewayv1.RouteParentStatus
		for _, section := range sections[:1+random.IntN(2)] {
			parents = append(parents, sectionOf(section))
			if random.IntN(5) > 0 {
				reports = append(reports, report(serving, section, int64(1+random.IntN(2))))
			}
		}
		clean := reportedBy(parents, reports...)
		littered := append([]gatewayv1.RouteParentStatus{}, reports...)
		for range 1 + random.IntN(3) {
			left := report(former, sections[random.IntN(3)], int64(random.IntN(3)))
			if len(reports) == len(parents) && random.IntN(2) == 0 {
				left = report(serving, "https", int64(random.IntN(3)))
			}
			at := random.IntN(len(littered) + 1)
			littered = append(littered[:at:at], append([]gatewayv1.RouteParentStatus{left}, littered[at:]...)...)
		}
		other := reportedBy(parents, littered...)
		for what, say := range map[string]func(Route) string{
			"in effect": func(r Route) string { _, why := InEffect(r); return why },
			"processed": func(r Route) string { _, why := Processed(r); return why },
			"silent":    Unreported,
		} {
			if before, after := say(clean), say(other); before != after {
				t.Fatalf("seed %d: %s: %q, and with leftovers %q", seed, what, before, after)
			}
		}
	}
}
