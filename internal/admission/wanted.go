package admission

import (
	"k8s.io/apimachinery/pkg/api/equality"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// Wanted returns a Deployment as a request wants it, as if what will be stored held nothing back. The records are as they were. It
// reports false for a request that holds back nothing new, and for one of the reconciler, which wants nothing of its own.
func Wanted(old, stored map[string]any, request Request) (wanted map[string]any, holds bool) {
	if request.Reconciler || request.Subresource != "" {
		return nil, false
	}
	was, _ := workload.CandidateOf(annotationsOf(old))
	is, _ := workload.CandidateOf(annotationsOf(stored))
	if !is.InFlight() || was.InFlight() && was.ID().Is(is.ID()) && equality.Semantic.DeepEqual(was.Around, is.Around) {
		return nil, false
	}
	object := withTemplate(stored, is.Template)
	is.Around.Due(specOf(stored)).Put(specOf(object.Object))
	wanted, _ = withStored(old, object.Object, isRecord)
	if annotations := annotationsOf(wanted); annotations[config.AnnotationRequestedBy] != "" {
		// It is about the template before.
		delete(annotations, config.AnnotationRequestedBy)
		wanted = withAnnotations(wanted, annotations)
	}
	return wanted, true
}

// Warning is a warning about an object that fits into a header.
func Warning(about map[string]any, text string) string { return warning(about, "%s", text) }
