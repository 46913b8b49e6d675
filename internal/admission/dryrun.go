package admission

import "sluice.dev/sluice/internal/workload"

// DryRun lets a change of a Deployment through, and says what would have happened to it. Records are not its to change: the
// controller reads them once the dry run ends.
func DryRun(old, updated map[string]any, request Request) Result {
	object, _ := withStored(old, updated, isRecord)
	result := Result{Object: object}
	if old != nil && request.Subresource == "" {
		result.Warnings = wouldHaveBeen(old, updated, request)
	}
	return result
}

func wouldHaveBeen(old, updated map[string]any, request Request) (warnings []string) {
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
