package webhook

import (
	"fmt"
	"strings"
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
	merged = merged.RemoveItems(ownedBefore.Difference(owned).Difference(others))
	template, err := templateOfTyped(merged)
	if err != nil {
		return nil, err
	}
	return s.withDefaults(onto, template)
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

// withDefaults takes the API server's defaults for what is new in the template from the request, which has been
// defaulted: a container that an apply adds is as complete as one that was always there.
func (s *subject) withDefaults(before, template workload.Template) (workload.Template, error) {
	old, err := typedOf(before)
	if err != nil {
		return nil, err
	}
	current, err := typedOf(template)
	if err != nil {
		return nil, err
	}
	request, err := typedOf(s.asked)
	if err != nil {
		return nil, err
	}
	missing, err := defaultsOf(old, current, request)
	if err != nil || missing.Empty() {
		return template, err
	}
	merged, err := request.ExtractItems(missing.Leaves(), typed.WithAppendKeyFields()).Merge(current)
	if err != nil {
		return nil, fmt.Errorf("spec.template: complete with defaults: %w", err)
	}
	return templateOfTyped(merged)
}

// defaultsOf are the fields that the request has, that the template lacks, and that lie in something which is new in the
// template.
func defaultsOf(old, current, request *typed.TypedValue) (*fieldpath.Set, error) {
	var sets [3]*fieldpath.Set
	for i, value := range []*typed.TypedValue{old, current, request} {
		set, err := value.ToFieldSet()
		if err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
		sets[i] = set
	}
	known, added := prefixes(sets[0]), []string{}
	sets[1].Iterate(func(path fieldpath.Path) {
		for n := 1; n <= len(path); n++ {
			if prefix := path[:n].String(); !known[prefix] {
				added = append(added, prefix)
				return
			}
		}
	})
	missing := fieldpath.NewSet()
	sets[2].Difference(sets[1]).Iterate(func(path fieldpath.Path) {
		text := path.String()
		for _, prefix := range added {
			if text != prefix && strings.HasPrefix(text, prefix) {
				missing.Insert(path.Copy())
				return
			}
		}
	})
	return missing, nil
}

func prefixes(set *fieldpath.Set) map[string]bool {
	known := map[string]bool{}
	set.Iterate(func(path fieldpath.Path) {
		for n := 1; n <= len(path); n++ {
			known[path[:n].String()] = true
		}
	})
	return known
}
