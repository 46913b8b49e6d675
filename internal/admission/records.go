package admission

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// ours reports whether an annotation belongs to Sluice.
func ours(key string) bool { return strings.HasPrefix(key, config.Prefix) }

// isRecord reports whether only admission writes an annotation.
func isRecord(key string) bool { return slices.Contains(config.RecordKeys(), key) }

// withStored returns an object in which some annotations are as stored, and the names of those that the request would have
// changed. It does not change the object.
func withStored(old, updated map[string]any, stay func(key string) bool) (object map[string]any, changed []string) {
	stored, requested := annotationsOf(old), annotationsOf(updated)
	kept := map[string]string{}
	maps.Copy(kept, requested)
	for _, key := range changedKeys(stored, requested) {
		if !stay(key) {
			continue
		}
		changed = append(changed, key)
		delete(kept, key)
		if value, had := stored[key]; had {
			kept[key] = value
		}
	}
	if len(changed) == 0 {
		return updated, nil
	}
	slices.Sort(changed)
	return withAnnotations(updated, kept), changed
}

// withAnnotations returns an object with other annotations. It shares everything else with the object.
func withAnnotations(object map[string]any, annotations map[string]string) map[string]any {
	result := &unstructured.Unstructured{Object: maps.Clone(object)}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		result.Object["metadata"] = maps.Clone(metadata)
	}
	if len(annotations) == 0 {
		annotations = nil
	}
	result.SetAnnotations(annotations)
	return result.Object
}

// renderSubresource keeps a write of a subresource, such as the status, from changing any annotation of Sluice: it is not a
// request for a template, and whoever may make it need not be allowed to change the Deployment.
func renderSubresource(old, updated map[string]any, request Request) Result {
	object, changed := withStored(old, updated, ours)
	if len(changed) == 0 {
		return Result{Object: object}
	}
	return Result{Object: object, Warnings: []string{warning(updated, "%s cannot be changed through %s, so the annotations stay as they were",
		strings.Join(changed, ", "), request.Subresource)}}
}

// renderNew drops the records that a new Deployment brings, perhaps from a backup that was taken during a rollout. It keeps the
// candidate of one that opts in, as requested by the user who creates it.
func renderNew(created map[string]any, request Request) Result {
	candidate, err := workload.CandidateOf(annotationsOf(created))
	keeps := config.OptedIn(annotationsOf(created)) && (candidate != nil || err != nil)
	object, dropped := withStored(nil, created, func(key string) bool {
		return isRecord(key) && (!keeps || key != config.AnnotationCandidate)
	})
	result := Result{Object: object}
	if len(dropped) > 0 {
		result.Warnings = append(result.Warnings, warning(created, dropsRecords, strings.Join(dropped, ", ")))
	}
	if candidate == nil || !keeps {
		return result // one that cannot be read is refused by Validate
	}
	text, err := brought(*candidate, request).Encode()
	if err != nil {
		return result
	}
	annotations := annotationsOf(object)
	annotations[config.AnnotationCandidate] = text
	result.Object = withAnnotations(object, annotations)
	result.Warnings = append(result.Warnings, warning(created, takesUp, workload.Short(candidate.Hash), request.User))
	return result
}

const (
	// dropsRecords warns of records that admission did not write.
	dropsRecords = "dropped %s: only Sluice itself writes these records"
	// takesUp warns of a candidate that admission did not see being requested.
	takesUp = "candidate %s is held back as requested by %s, who brings it"
)

// brought is a candidate whose request admission has not seen. The user who brings it answers for it, from now on.
func brought(candidate workload.Candidate, request Request) workload.Candidate {
	now := request.Now
	taken := workload.Candidate{Hash: candidate.Hash, Template: candidate.Template, Mark: candidate.Mark, At: now,
		By: strings.ToValidUTF8(request.User, "?"), Manager: strings.ToValidUTF8(request.Manager, "?")}
	if taken.Mark != workload.MarkNone {
		taken.MarkedBy, taken.MarkedAt = taken.By, &now
	}
	return taken
}

// takeUp makes a kept candidate one that is requested by this request, which opts in.
func (s *subject) takeUp() {
	if s.candidate == nil {
		return
	}
	if err := s.validate(s.candidate.Template, nil); err != nil {
		s.warn("candidate %s is dropped, because the API server would refuse it: %v", workload.Short(s.candidate.Hash), err)
		s.candidate = nil
		return
	}
	taken := brought(*s.candidate, s.request)
	taken.Around = s.candidate.Around
	s.candidate = &taken
	s.warn(takesUp, workload.Short(taken.Hash), taken.By)
}

// warnOfRecords warns of records that a request brings to a Deployment that is not opted in. One that is opted in gets stale
// ones with every manifest that was exported.
func (s *subject) warnOfRecords() {
	if config.OptedIn(s.storedAnnotations) {
		return
	}
	var dropped []string
	for _, key := range config.RecordKeys() {
		if value, brings := s.requestedAnnotations[key]; brings && value != s.storedAnnotations[key] {
			dropped = append(dropped, key)
		}
	}
	if len(dropped) > 0 {
		s.warn(dropsRecords, strings.Join(dropped, ", "))
	}
}
