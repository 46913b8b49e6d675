package rollout

import (
	"slices"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis/guard"
	"sluice.dev/sluice/rollout/events"
)

// usersOf are the users of each kind of arms that are compared.
var usersOf = map[guard.Arms]v1alpha1.ComparedUsers{
	guard.ArmsMatched: v1alpha1.ComparedMatched, guard.ArmsTesters: v1alpha1.ComparedTesters, guard.ArmsSticky: v1alpha1.ComparedSticky,
}

// keepComparison writes down how both versions compare so far, in place of what it was for the same kind of users. What other steps
// have shown about other users stays, so the end of a rollout has it all.
func keepComparison(into *v1alpha1.GuardStatus, state guard.State, settings guard.Settings) {
	compared, compares := state.Compare(settings)
	if !compares {
		return
	}
	entry := v1alpha1.VersionsCompared{Users: usersOf[compared.Arms], Text: compared.String()}
	at := slices.IndexFunc(into.Compared, func(known v1alpha1.VersionsCompared) bool { return known.Users == entry.Users })
	if at < 0 {
		into.Compared = append(into.Compared, entry)
		return
	}
	into.Compared[at] = entry
}

// compared is how both versions have compared in the rollout; empty where the guard did not count, or requests were split at random.
func (t tick) compared() []v1alpha1.VersionsCompared {
	if known := t.plan.Next.Open().Guard; known != nil {
		return slices.Clone(known.Compared)
	}
	return nil
}

// tellComparison reports how both versions have compared, also if both were fine.
func tellComparison(t *tick) {
	for _, compared := range t.compared() {
		emit(t, events.VersionsCompared(t.plan.Next.Candidate.Hash, compared))
	}
}
