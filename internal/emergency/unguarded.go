package emergency

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// Unguarded lists what Sluice does not guard while it is off. Lists without items are left out.
func Unguarded(w World) []List {
	var open, held, canaries, freezes []string
	serving := map[types.NamespacedName]bool{}
	for key := range w.Deployments {
		if w.onlyCanaryServes(key) {
			serving[types.NamespacedName{Namespace: key.Namespace, Name: workload.CanaryName(key.Name)}] = true
		}
	}
	for _, key := range inOrder(w) {
		d := w.Deployments[key]
		if config.OptedIn(d.Annotations) {
			open = append(open, "Deployment "+key.String())
		}
		if candidate, err := workload.CandidateOf(d.Annotations); err == nil && candidate.InFlight() {
			held = append(held, fmt.Sprintf("Deployment %s: %s from %s", key, workload.Short(candidate.Hash), candidate.By))
		}
		if workload.IsCopy(d) && !serving[key] {
			canaries = append(canaries, fmt.Sprintf("Deployment %s, %d replicas: kubectl delete deployment %s -n %s", key, workload.Replicas(d), key.Name, key.Namespace))
		}
	}
	for i := range w.Freezes {
		freezes = append(freezes, "Freeze "+w.Freezes[i].Name)
	}
	return filled(
		List{"Not guarded: a change of the pod template of these rolls out at once, without a canary:", open},
		List{"Held back and not rolled out until Sluice is back:", held},
		List{"Left in place without weight; nothing needs them while Sluice is off:", canaries},
		List{"Not in force, because they hold only rollouts with a canary:", freezes},
		List{"Also off:", []string{
			"requests in a Canary, such as abort, promote and pause: nobody acts on them",
			"checks of policies, and of annotations, when they are written",
			"the warning, or refusal, for edits of what Sluice has made",
		}},
		List{"Still in force, because it works without Sluice:", []string{
			"the right to go round the analysis: ValidatingAdmissionPolicies sluice-bypass-…",
		}},
	)
}

func inOrder(w World) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(w.Deployments), func(a, b types.NamespacedName) int {
		return slices.Compare([]string{a.Namespace, a.Name}, []string{b.Namespace, b.Name})
	})
}
