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

// readServerSideApply returns what the apply does to a template: what the applier owns takes the applied value; what it
// owned before and no longer owns goes, unless somebody else owns it.
func (s *subject) readServerSideApply(applied *metav1.ManagedFieldsEntry) (replay, error) {
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
	request, err := typedOf(s.asked)
	if err != nil {
		return nil, err
	}
	values := request.ExtractItems(owned.Leaves(), typed.WithAppendKeyFields())
	dropped := ownedBefore.Difference(owned).Difference(others)
	return func(onto workload.Template) (workload.Template, error) {
		base, err := typedOf(onto)
		if err != nil {
			return nil, err
		}
		merged, err := base.Merge(values)
		if err != nil {
			return nil, fmt.Errorf("spec.template: merge the applied fields with the candidate: %w", err)
		}
		return templateOfTyped(merged.RemoveItems(dropped))
	}, nil
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

// withMore adds to a template what a request holds more than the apply itself made: defaults, which fill what is absent,
// and what other webhooks changed, which counts as asked for. A template's labels and annotations have no defaults.
func withMore(template, applied, request workload.Template) (workload.Template, error) {
	var values [3]*typed.TypedValue
	for i, t := range []workload.Template{template, applied, request} {
		value, err := typedOf(t)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	base, asked := values[0], values[2]
	more, err := values[1].Compare(asked)
	if err != nil {
		return nil, fmt.Errorf("spec.template: compare the request with what was applied: %w", err)
	}
	if more.IsSame() {
		return template, nil
	}
	added := more.Added.Leaves()
	changed := added.Intersection(metadataOnly(added)).Union(more.Modified.Leaves())
	if base, err = asked.ExtractItems(added, typed.WithAppendKeyFields()).Merge(base); err != nil {
		return nil, fmt.Errorf("spec.template: complete with defaults: %w", err)
	}
	if base, err = base.Merge(asked.ExtractItems(changed, typed.WithAppendKeyFields())); err != nil {
		return nil, fmt.Errorf("spec.template: take over what other webhooks changed: %w", err)
	}
	return templateOfTyped(base.RemoveItems(more.Removed))
}

func metadataOnly(fields *fieldpath.Set) *fieldpath.Set {
	kept := fieldpath.NewSet()
	fields.Iterate(func(path fieldpath.Path) {
		if len(path) > 2 && isField(path[2], "metadata") {
			kept.Insert(path.Copy())
		}
	})
	return kept
}
