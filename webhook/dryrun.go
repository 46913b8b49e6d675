package webhook

import (
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"sluice.dev/sluice/internal/workload"
)

// dryRunDeployment lets a change of a Deployment through as it is, and tells what would have become of it.
func dryRunDeployment(old, updated map[string]any, request Request) admission.Response {
	result, err := Render(old, updated, request)
	if err != nil {
		return admission.Allowed("").WithWarnings(readable("dry run: this change would have been rejected: " + err.Error()))
	}
	before, _ := workload.CandidateOf(annotationsOf(old))
	after, _ := workload.CandidateOf(annotationsOf(result.Object))
	if after == nil || after.Mark != workload.MarkNone || before != nil && before.Hash == after.Hash {
		return admission.Allowed("")
	}
	return admission.Allowed("").WithWarnings("dry run: this change would have been held back as canary " + after.Hash + "; it rolls out directly")
}

// dryRunSettings lets settings through that cannot be read, with a warning.
func dryRunSettings(old, updated map[string]any, request Request) admission.Response {
	if err := validateSettings(old, updated, request); err != nil {
		return admission.Allowed("").WithWarnings(readable("dry run: this change would have been rejected: " + err.Error()))
	}
	return admission.Allowed("").WithWarnings(settingsWarnings(old, updated)...)
}
