package admission

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// AskedOnCanary are the annotations of a Canary that make a one-time request. They are never stored.
var AskedOnCanary = []string{config.AnnotationSkipAnalysis, config.AnnotationReset}

// translate writes the requests of annotations into the spec. Without a candidate they have no effect.
func (s *stamper) translate(annotations map[string]string, spec *v1alpha1.CanarySpec) {
	for _, key := range AskedOnCanary {
		value, asked := annotations[key]
		if !asked {
			continue
		}
		path := field.NewPath("metadata", "annotations").Key(key)
		request := v1alpha1.Request{Candidate: s.status.Candidate.Hash, Attempt: &s.status.Candidate.Attempt}
		switch {
		case value != "true":
			s.problems = append(s.problems, field.Invalid(path, value, `must be "true": it is a one-time request`))
		case request.Candidate == "":
			s.warnings = append(s.warnings, fmt.Sprintf("%s: there is no candidate, so this has no effect", path))
		case key == config.AnnotationReset:
			spec.Reset = &request
		default:
			spec.Promote = &v1alpha1.PromoteRequest{Request: request, SkipAnalysis: true}
		}
	}
}

// resettable says why a candidate cannot be reset; empty if it can, or if that is not known.
func (s *stamper) resettable(request *v1alpha1.Request) string {
	switch {
	case *request.Attempt != s.status.Candidate.Attempt:
		return ""
	case s.status.Candidate.Outcome == v1alpha1.OutcomeSucceeded:
		return "there is nothing to reset: " + standing(s.status)
	case s.status.Phase == v1alpha1.PhasePromoting && s.status.Open().Promotion.Applied != nil:
		return alreadyRuns
	}
	return ""
}
