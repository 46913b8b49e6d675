package admission

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// keepOptIn puts the opt-in back that a request leaves out, unless the request opts out: the value "false" does, and a
// removal that leaves the template alone. A manifest that never had the opt-in, and an old revision from before it, say
// nothing about judging the template that they bring.
func (s *subject) keepOptIn() error {
	if _, says := s.annotations[config.AnnotationCanary]; says || !config.OptedIn(s.storedAnnotations) {
		if s.leftOut != nil && (!config.OptedIn(s.annotations) || s.asksAgain()) {
			s.leftOut = nil
		}
		return nil
	}
	optsOut, err := s.leavesTemplate()
	if err != nil || optsOut {
		s.leftOut = nil
		return err
	}
	s.annotations[config.AnnotationCanary] = "true"
	if s.leftOut == nil {
		s.leftOut = &workload.LeftOut{
			By: strings.ToValidUTF8(s.request.User, "?"), Manager: strings.ToValidUTF8(s.request.Manager, "?"), At: s.request.Now,
		}
	}
	s.warn("%s is left out together with a change of the pod template, so it was put back; to opt out, set it to \"false\"", config.AnnotationCanary)
	return nil
}

// leavesTemplate reports whether a request that removes the opt-in says nothing else about the template. While a candidate
// is held or promoted, a manifest always does: the same one, sent again, is the same request.
func (s *subject) leavesTemplate() (bool, error) {
	meant, changed, err := s.meaning()
	if err != nil {
		return false, err
	}
	if s.inFlight() == nil && s.previous == nil {
		return !changed || meant.Equal(s.live), nil
	}
	states, err := s.statesTemplate()
	return !changed && !states, err
}

// statesTemplate reports whether the request is a manifest that is put in or applied, not a change of what is stored.
func (s *subject) statesTemplate() (bool, error) {
	if s.isManifest() {
		return true, nil
	}
	if _, _, applies := s.clientSideApply(); applies {
		return true, nil
	}
	entry, err := s.serverSideApply()
	return entry != nil, err
}

// asksAgain reports whether somebody has asked for the opt-in since it was put back: what admission puts back belongs to no
// field manager, and is in no manifest.
func (s *subject) asksAgain() bool {
	if s.isManifest() || isInManifest(s.annotations[corev1.LastAppliedConfigAnnotation]) {
		return true
	}
	path := fieldpath.MakePathOrDie("metadata", "annotations", config.AnnotationCanary)
	for _, entry := range (&unstructured.Unstructured{Object: s.new}).GetManagedFields() {
		if entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		if owned, err := ownedBy(&entry); err == nil && owned.Has(path) {
			return true
		}
	}
	return false
}

func isInManifest(manifest string) bool { return config.OptedIn(annotationsIn(manifest)) }

// annotationsIn returns the annotations of a manifest; none of one that cannot be read.
func annotationsIn(manifest string) map[string]string {
	var deployment struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(manifest), &deployment); err != nil {
		return nil
	}
	return deployment.Metadata.Annotations
}
