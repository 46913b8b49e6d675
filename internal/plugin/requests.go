package plugin

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
)

// until is the time until something is due; empty if unknown.
func (s subject) until(due *metav1.MicroTime) string {
	if due == nil {
		return ""
	}
	return in(s.now, due.Time)
}

// requestsLine lists the requests for the candidate of the current or last rollout.
func (s subject) requestsLine() string {
	spec := s.canary.Spec
	var parts []string
	add := func(verb string, request *v1alpha1.Request) {
		id := observed.IDOf(s.canary.Status)
		if !rollout.Meant(request, &workload.Candidate{Hash: id.Hash, Attempt: id.Attempt, At: id.At}) {
			return
		}
		parts = append(parts, fmt.Sprintf("%s by %s", verb, s.stampLine(request.Stamp, request.Reason)))
	}
	add("abort", spec.Abort)
	if spec.Promote != nil {
		verb := "promote"
		if spec.Promote.SkipAnalysis {
			verb = "promote without analysis"
		}
		add(verb, &spec.Promote.Request)
	}
	add("resume", spec.Resume)
	add("retry", spec.Retry)
	add("reset", spec.Reset)
	return strings.Join(parts, "; ")
}

func (s subject) stampLine(stamp v1alpha1.Stamp, reason string) string {
	text := orNone(stamp.By)
	if stamp.At != nil {
		text += fmt.Sprintf(", %s ago", ago(s.now, stamp.At.Time))
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}
