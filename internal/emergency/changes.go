package emergency

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// List is a titled list of sentences.
type List struct {
	Title string
	Items []string
}

// Changes lists what has changed while Sluice was off: against what the Canaries record of their Deployments, and against the record
// of the emergency. Lists without items are left out.
func Changes(w World) []List {
	var templates, held, opted []string
	known := map[types.NamespacedName]bool{}
	for i := range w.Canaries {
		canary := &w.Canaries[i]
		key := client.ObjectKeyFromObject(canary)
		known[key] = true
		primary := w.Deployments[key]
		if primary == nil {
			continue
		}
		changed := changedTemplate(canary, primary)
		if changed != "" {
			templates = append(templates, fmt.Sprintf("Deployment %s: %s", key, changed))
		}
		if next := heldCandidate(canary, primary, changed != ""); next != "" {
			held = append(held, fmt.Sprintf("Deployment %s: %s", key, next))
		}
		if canary.Status.Phase != v1alpha1.PhaseOptedOut && !config.OptedIn(primary.Annotations) {
			opted = append(opted, fmt.Sprintf("Deployment %s was opted out", key))
		}
	}
	for key, d := range w.Deployments {
		if config.OptedIn(d.Annotations) && !known[key] {
			opted = append(opted, fmt.Sprintf("Deployment %s was opted in", key))
		}
	}
	slices.Sort(opted)
	return filled(
		List{"Templates that changed without a canary (Sluice reports each with the event TemplateChangedDirectly):", templates},
		List{"Deployments opted in or out:", opted},
		List{"Routes that changed after their requests had gone back to the primary:", w.changedRoutes()},
		List{"Candidates that are still held back:", held},
	)
}

func filled(lists ...List) []List {
	return slices.DeleteFunc(lists, func(l List) bool { return len(l.Items) == 0 })
}

// changedTemplate says which template the primary has now if it is not the one that its Canary saw last; else it is empty.
func changedTemplate(canary *v1alpha1.Canary, primary *appsv1.Deployment) string {
	before := canary.Status.Primary
	if before == nil || !config.OptedIn(primary.Annotations) {
		return ""
	}
	now := observed.World{Primary: primary}.PrimaryHash()
	promoted, err := workload.PreviousOf(primary.Annotations)
	if before.Template == now || err == nil && promoted != nil && promoted.Promoted == now {
		return ""
	}
	return fmt.Sprintf("template %s in place of %s (%s)", workload.Short(now), workload.Short(before.Template),
		strings.Join(workload.Images(primary.Spec.Template.Spec), ", "))
}

// heldCandidate says what becomes of the candidate that a Deployment holds back; empty if it holds none.
func heldCandidate(canary *v1alpha1.Canary, primary *appsv1.Deployment, changed bool) string {
	candidate, err := workload.CandidateOf(primary.Annotations)
	switch {
	case err != nil:
		return err.Error()
	case !candidate.InFlight():
		return ""
	}
	text := fmt.Sprintf("%s from %s", workload.Short(candidate.Hash), candidate.By)
	stop := fmt.Sprintf("to stop it: kubectl sluice abort %s -n %s", primary.Name, primary.Namespace)
	switch {
	case !changed:
		return text + " begins with the first step; " + stop
	case observed.Active(canary.Status), canary.Status.Phase == v1alpha1.PhaseWaiting && observed.Describes(canary.Status, candidate):
		return text + " is cancelled, because the primary's template changed"
	}
	return text + " would replace the template that the primary has now; " + stop
}

// changedRoutes lists the routes of the record that have another generation now.
func (w World) changedRoutes() []string {
	record := w.Record()
	if record == nil {
		return nil
	}
	now := map[string]int64{}
	for _, r := range w.Routes {
		now[r.Key().String()] = r.Generation
	}
	var changed []string
	for _, key := range slices.Sorted(maps.Keys(record.Routes)) {
		generation, exists := now[key]
		switch {
		case !exists:
			changed = append(changed, key+" was deleted")
		case generation != record.Routes[key]:
			changed = append(changed, fmt.Sprintf("%s: generation %d in place of %d", key, generation, record.Routes[key]))
		}
	}
	return changed
}

// Unconfirmed lists the routes that were given back to their primaries and that a gateway has not reported to serve as they are now.
// Until it does, canaries may still get requests.
func Unconfirmed(w World) List {
	list := List{Title: "Given back to the primary, but not confirmed by the gateway yet (kubectl sluice emergency status looks again):"}
	record := w.Record()
	for _, r := range w.Routes {
		if record == nil || record.Ended != nil {
			break
		}
		if _, given := record.Routes[r.Key().String()]; !given {
			continue
		}
		if ok, why := route.Processed(r.Route); !ok {
			list.Items = append(list.Items, r.Key().String()+": "+why)
		}
	}
	return list
}
