package admission

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// takesOver reports whether the request only moves the ownership of fields to the requester. Flux does that with what
// was written with kubectl, and kubectl when it changes to server-side apply. Such a patch of managedFields has an
// Apply entry of the requester, as an apply has, but says nothing about the template: an apply leaves others what it
// does not change.
func (s *subject) takesOver() (bool, error) {
	if !equality.Semantic.DeepEqual(s.old["spec"], s.new["spec"]) {
		return false, nil
	}
	for _, entry := range (&unstructured.Unstructured{Object: s.old}).GetManagedFields() {
		// Entries of versions that are no longer served go with any request.
		if entry.Subresource != "" || entry.FieldsV1 == nil || entry.APIVersion != appsv1.SchemeGroupVersion.String() ||
			entryOf(s.new, entry.Manager, entry.Operation) != nil {
			continue
		}
		kept, err := s.unchangedFields(entry)
		if err != nil || kept {
			return kept, err
		}
	}
	return false, nil
}

// unchangedFields reports whether an entry has a field that the request leaves as it is. The specs are equal, so only
// metadata can differ.
func (s *subject) unchangedFields(entry metav1.ManagedFieldsEntry) (bool, error) {
	fields := fieldpath.NewSet()
	if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return false, fmt.Errorf("metadata.managedFields: entry of %s: %w", entry.Manager, err)
	}
	before, after := &unstructured.Unstructured{Object: s.old}, &unstructured.Unstructured{Object: s.new}
	changed := fieldpath.NewSet()
	for field, values := range map[string][2]map[string]string{
		"annotations": {before.GetAnnotations(), after.GetAnnotations()},
		"labels":      {before.GetLabels(), after.GetLabels()},
	} {
		for _, key := range changedKeys(values[0], values[1]) {
			changed.Insert(fieldpath.MakePathOrDie("metadata", field, key))
		}
	}
	return !fields.Difference(changed).Empty(), nil
}

func changedKeys(before, after map[string]string) []string {
	var keys []string
	for key, value := range before {
		if other, has := after[key]; !has || other != value {
			keys = append(keys, key)
		}
	}
	for key := range after {
		if _, had := before[key]; !had {
			keys = append(keys, key)
		}
	}
	return keys
}
