package webhook

import (
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"sluice.dev/sluice/workload"
)

// converter knows the schema of the types of Kubernetes, with the keys of their lists.
var converter = sync.OnceValue(func() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
})

func typedOf(template workload.Template) (*typed.TypedValue, error) {
	value, err := converter().ObjectToTyped(&unstructured.Unstructured{Object: deploymentWith(template)})
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	return value, nil
}

func templateOfTyped(value *typed.TypedValue) (workload.Template, error) {
	object, err := converter().TypedToObject(value)
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("spec.template: the merge gave a %T", object)
	}
	return templateOf(content.Object)
}

// replayServerSideApply does to another template what the apply did to the stored one: what the applier owns takes the
// applied value; what it owned before and no longer owns goes, unless somebody else owns it.
func (s *subject) replayServerSideApply(applied *metav1.ManagedFieldsEntry, onto workload.Template) (workload.Template, error) {
	owned, err := templateFields(applied)
	if err != nil {
		return nil, err
	}
	ownedBefore, err := templateFields(entryOf(s.old, s.request.Manager, metav1.ManagedFieldsOperationApply))
	if err != nil {
		return nil, err
	}
	others, err := s.fieldsOfOthers()
	if err != nil {
		return nil, err
	}
	base, err := typedOf(onto)
	if err != nil {
		return nil, err
	}
	request, err := typedOf(s.asked)
	if err != nil {
		return nil, err
	}
	merged, err := base.Merge(request.ExtractItems(owned.Leaves(), typed.WithAppendKeyFields()))
	if err != nil {
		return nil, fmt.Errorf("spec.template: merge the applied fields with the candidate: %w", err)
	}
	if merged, err = remove(merged, request, ownedBefore, owned.Union(others)); err != nil {
		return nil, err
	}
	template, err := templateOfTyped(merged)
	if err != nil {
		return nil, err
	}
	return s.withDefaults(onto, template)
}

// remove takes out what is no longer owned by anybody. What the request has there nevertheless is the API server's default.
func remove(merged, request *typed.TypedValue, ownedBefore, owned *fieldpath.Set) (*typed.TypedValue, error) {
	// An update owns what its lists and maps are in, an apply only what is in them: no longer to own an env is not to
	// remove it while something in it is owned.
	named := func(set *fieldpath.Set) *fieldpath.Set {
		return set.EnsureNamedFieldsAreMembers(merged.Schema(), merged.TypeRef())
	}
	removed := named(ownedBefore).Difference(named(owned))
	requested, err := request.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	result := merged.RemoveItems(removed)
	defaulted := requested.Intersection(removed)
	if defaulted.Empty() {
		return result, nil
	}
	result, err = result.Merge(request.ExtractItems(defaulted.Leaves(), typed.WithAppendKeyFields()))
	if err != nil {
		return nil, fmt.Errorf("spec.template: complete with defaults: %w", err)
	}
	return result, nil
}

// templateFields are the paths below spec.template of an entry; none without an entry.
func templateFields(entry *metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	fields := fieldpath.NewSet()
	if entry == nil {
		return fields, nil
	}
	all := fieldpath.NewSet()
	if err := all.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, fmt.Errorf("metadata.managedFields: entry of %s: %w", entry.Manager, err)
	}
	all.Iterate(func(path fieldpath.Path) {
		if len(path) > 2 && isField(path[0], "spec") && isField(path[1], "template") {
			fields.Insert(path.Copy())
		}
	})
	return fields, nil
}

func isField(element fieldpath.PathElement, name string) bool {
	return element.FieldName != nil && *element.FieldName == name
}

// fieldsOfOthers are the fields of the template that anybody but the applier owns.
func (s *subject) fieldsOfOthers() (*fieldpath.Set, error) {
	others := fieldpath.NewSet()
	for _, entry := range (&unstructured.Unstructured{Object: s.new}).GetManagedFields() {
		if entry.Subresource != "" || entry.FieldsV1 == nil ||
			entry.Manager == s.request.Manager && entry.Operation == metav1.ManagedFieldsOperationApply {
			continue
		}
		fields, err := templateFields(&entry)
		if err != nil {
			return nil, err
		}
		others = others.Union(fields)
	}
	return others, nil
}
