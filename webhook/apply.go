package webhook

import (
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
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

// replayServerSideApply does to the candidate what the apply did to the stored template.
func (s *subject) replayServerSideApply(entry *metav1.ManagedFieldsEntry) (workload.Template, error) {
	configuration, err := s.configuration(entry)
	if err != nil {
		return nil, err
	}
	candidate, owners, err := s.applyTo(s.candidate.Template, configuration)
	if err != nil {
		return nil, err
	}
	live, _, err := s.applyTo(s.live, configuration)
	if err != nil {
		return nil, err
	}
	meant, err := s.completed(candidate, live)
	if err != nil {
		return nil, err
	}
	s.owners = owners
	return s.withoutEmptied(meant, entry)
}

// withoutEmptied takes out what was applied as an empty value, such as args: [], which leaves nothing but its ownership.
func (s *subject) withoutEmptied(template workload.Template, entry *metav1.ManagedFieldsEntry) (workload.Template, error) {
	owned, err := ownedBy(entry)
	if err != nil {
		return nil, err
	}
	values, err := typedAll(template, s.asked)
	if err != nil {
		return nil, err
	}
	var sets [2]*fieldpath.Set
	for i, value := range values {
		if sets[i], err = value.ToFieldSet(); err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
	}
	emptied := owned.Leaves().Difference(sets[1]).Intersection(sets[0].Leaves())
	if emptied.Empty() {
		return template, nil
	}
	return templateOfTyped(values[0].RemoveItems(emptied))
}

func ownedBy(entry *metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	owned := fieldpath.NewSet()
	if err := owned.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, fmt.Errorf("metadata.managedFields: entry of %s: %w", entry.Manager, err)
	}
	return owned, nil
}

// configuration is what was applied: the fields that the applier now owns, with the values of the request.
func (s *subject) configuration(entry *metav1.ManagedFieldsEntry) (*unstructured.Unstructured, error) {
	owned, err := ownedBy(entry)
	if err != nil {
		return nil, err
	}
	request, err := converter().ObjectToTyped(&unstructured.Unstructured{Object: s.new})
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	object, err := converter().TypedToObject(request.ExtractItems(owned.Leaves(), typed.WithAppendKeyFields()))
	if err != nil {
		return nil, fmt.Errorf("read the applied fields: %w", err)
	}
	configuration, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("read the applied fields: got a %T", object)
	}
	configuration.SetAPIVersion(appsv1.SchemeGroupVersion.String())
	configuration.SetKind("Deployment")
	configuration.SetName(s.name())
	return configuration, nil
}

// applyTo is what the API server makes of an apply where it finds this template, and who owns which field after that.
func (s *subject) applyTo(template workload.Template, configuration *unstructured.Unstructured) (workload.Template, []metav1.ManagedFieldsEntry, error) {
	manager, err := fieldManager()
	if err != nil {
		return nil, nil, fmt.Errorf("metadata.managedFields: %w", err)
	}
	live, err := s.storedWith(template)
	if err != nil {
		return nil, nil, err
	}
	result, err := manager.Apply(live, configuration.DeepCopy(), s.request.Manager, true)
	if err != nil {
		return nil, nil, fmt.Errorf("apply as %s: %w", s.request.Manager, err)
	}
	owners, err := managedFieldsOf(result)
	if err != nil {
		return nil, nil, err
	}
	applied, err := templateOf(result.(*unstructured.Unstructured).Object)
	return applied, owners, err
}

// completed adds to what an apply made of the candidate what the request holds more than the apply itself made of the
// stored template: what other webhooks changed, and the API server's defaults.
func (s *subject) completed(onCandidate, onLive workload.Template) (workload.Template, error) {
	merged, err := withChanges(onCandidate, onLive, s.asked)
	if err != nil {
		return nil, err
	}
	return withDefaults(merged, s.candidate.Template, s.asked)
}

// withChanges takes over what the request has otherwise than the apply made it. What is there only in the request may be
// a default, which fills what is absent; a template's labels and annotations have no defaults.
func withChanges(template, applied, request workload.Template) (workload.Template, error) {
	return merged(template, applied, request, metadataOnly)
}

// replayDifference puts the difference from one template to another on top of a third.
func replayDifference(from, to, onto workload.Template) (workload.Template, error) {
	return merged(onto, from, to, func(added *fieldpath.Set) *fieldpath.Set { return added })
}

// merged puts the difference from one template to another on top of a third. Where that already has what is added, the
// fields that win says take the new value.
func merged(onto, from, to workload.Template, win func(added *fieldpath.Set) *fieldpath.Set) (workload.Template, error) {
	values, err := typedAll(onto, from, to)
	if err != nil {
		return nil, err
	}
	base, target := values[0], values[2]
	difference, err := values[1].Compare(target)
	if err != nil {
		return nil, fmt.Errorf("spec.template: compare the templates: %w", err)
	}
	if difference.IsSame() {
		return onto, nil
	}
	added := difference.Added.Leaves()
	changed := win(added).Union(difference.Modified.Leaves())
	if base, err = base.Merge(target.ExtractItems(changed, typed.WithAppendKeyFields())); err != nil {
		return nil, fmt.Errorf("spec.template: take over what changed: %w", err)
	}
	if base, err = target.ExtractItems(added, typed.WithAppendKeyFields()).Merge(base); err != nil {
		return nil, fmt.Errorf("spec.template: add what is absent: %w", err)
	}
	present, err := base.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	return templateOfTyped(base.RemoveItems(gone(difference.Removed, present)))
}

// gone are the items that were removed, and the removed fields below which nothing else is present: that one template has
// no list at all is no reason to drop what the other has there.
func gone(removed, present *fieldpath.Set) *fieldpath.Set {
	kept := fieldpath.NewSet()
	rest := present.Difference(removed)
	removed.Iterate(func(path fieldpath.Path) {
		below := rest
		for _, element := range path {
			below = below.WithPrefix(element)
		}
		if below.Empty() || path[len(path)-1].FieldName == nil {
			kept.Insert(path.Copy())
		}
	})
	return kept
}

func metadataOnly(fields *fieldpath.Set) *fieldpath.Set {
	kept := fieldpath.NewSet()
	fields.Iterate(func(path fieldpath.Path) {
		if len(path) > 2 && path[2].FieldName != nil && *path[2].FieldName == "metadata" {
			kept.Insert(path.Copy())
		}
	})
	return kept
}

func typedAll(templates ...workload.Template) ([]*typed.TypedValue, error) {
	values := make([]*typed.TypedValue, 0, len(templates))
	for _, template := range templates {
		value, err := typedOf(template)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}
