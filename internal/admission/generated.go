package admission

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// ValidateGenerated judges a change or the deletion (updated is nil) of an object that Sluice has created for one rollout. It
// refuses everything that changes what a canary runs, because that is judged: its pod template and the marks by which Sluice
// knows it. Everything else only gets a warning, such as replicas, metadata and finalizers.
func ValidateGenerated(kind, name string, old, updated map[string]any, request Request) (warnings []string, err error) {
	if request.Reconciler {
		return nil, nil
	}
	if len(updated) > 0 {
		if err := keepsCanary(kind, name, old, updated); err != nil {
			return nil, err
		}
	}
	return []string{fmt.Sprintf("%s %s was created by Sluice for one rollout and is deleted when it ends; change the primary instead", kind, name)}, nil
}

func keepsCanary(kind, name string, old, updated map[string]any) error {
	before, after := unstructured.Unstructured{Object: old}, unstructured.Unstructured{Object: updated}
	if kind == "Deployment" && !workload.Equal(templateIn(old), templateIn(updated)) {
		return fmt.Errorf("spec.template: Deployment %s runs the candidate of a rollout, and what it runs is judged; only Sluice may change it. "+
			"Change the primary instead, which starts a rollout of the new template", name)
	}
	for _, key := range []string{config.LabelRole, config.LabelPrimary} {
		if before.GetLabels()[key] != after.GetLabels()[key] {
			return fmt.Errorf("metadata.labels[%s]: must stay %q as long as %s %s exists; leave it as it is", key, before.GetLabels()[key], kind, name)
		}
	}
	for _, mark := range []struct{ key, is string }{
		{config.AnnotationTemplateHash, "the candidate that Deployment %s runs"},
		{config.AnnotationRequestedBy, "who requested what Deployment %s runs"},
	} {
		if stored := before.GetAnnotations()[mark.key]; stored != after.GetAnnotations()[mark.key] {
			return fmt.Errorf("metadata.annotations[%s]: must stay %q, "+mark.is+"; leave it as it is", mark.key, stored, name)
		}
	}
	return nil
}

func templateIn(deployment map[string]any) workload.Template {
	template, _, _ := unstructured.NestedMap(deployment, "spec", "template")
	return template
}
