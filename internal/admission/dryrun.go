package admission

import "sluice.dev/sluice/internal/workload"

// DryRun says what would have happened to a change of a Deployment that is let through.
func DryRun(old, updated map[string]any, request Request) (warnings []string) {
	result, err := Render(old, updated, request)
	if err != nil {
		return rejectedIn(err)
	}
	before, _ := workload.CandidateOf(annotationsOf(old))
	after, _ := workload.CandidateOf(annotationsOf(result.Object))
	if !after.InFlight() || before != nil && before.ID().Is(after.ID()) {
		return nil
	}
	return []string{"dry run: this change would have been " + HeldBack + " " + workload.Short(after.Hash) + "; it rolls out directly"}
}

// DryRunSettings says what is wrong with the settings of a Deployment that is let through.
func DryRunSettings(old, updated map[string]any, request Request) (warnings []string) {
	if err := validateSettings(old, updated, request); err != nil {
		return rejectedIn(err)
	}
	return SettingsWarnings(old, updated)
}

func rejectedIn(err error) []string {
	return []string{readable("dry run: this change would have been rejected: " + err.Error())}
}
