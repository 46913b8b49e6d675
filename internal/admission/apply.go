package admission

import (
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"sluice.dev/sluice/internal/workload"
)

// Prepare reads the schema of Kubernetes' types, which takes a second, before a request has to wait for it.
func Prepare() { converter() }

// converter knows the schema of Kubernetes' types, with the merge keys of their lists.
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
	object, err := untyped(converter().TypedToObject(value))
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	return templateOf(object.Object)
}

// untyped returns the decoded JSON that a conversion or a field manager produced.
func untyped(object runtime.Object, err error) (*unstructured.Unstructured, error) {
	if err != nil {
		return nil, err
	}
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("got a %T, not decoded JSON", object)
	}
	return content, nil
}

// replayServerSideApply applies to the candidate what the request applied to the stored template.
func (s *subject) replayServerSideApply(entry *metav1.ManagedFieldsEntry) (workload.Template, error) {
	owned, err := ownedBy(entry)
	if err != nil {
		return nil, err
	}
	configuration, err := s.configuration(owned)
	if err != nil {
		return nil, err
	}
	applied, owners, err := s.applyToCandidate(configuration)
	if err != nil {
		return nil, err
	}
	meant, err := s.completedApply(applied, owned)
	if err == nil {
		s.owners = owners
	}
	return meant, err
}

// completedApply adds what differs between the request and the stored template for other reasons than the apply
// itself: changes by other webhooks, and defaults.
func (s *subject) completedApply(applied workload.Template, owned *fieldpath.Set) (workload.Template, error) {
	before, err := ownedBy(entryOf(s.old, s.request.Manager, metav1.ManagedFieldsOperationApply))
	if err != nil {
		return nil, err
	}
	values, err := typedAll(applied, s.live.Template, s.requested.Template, s.candidate.Template)
	if err != nil {
		return nil, err
	}
	result, live, requested, candidate := values[0], values[1], values[2], values[3]
	changes, err := differences(live, requested)
	if err != nil {
		return nil, err
	}
	mine := owned.Union(before)
	changes = &typed.Comparison{
		Added: changes.Added.Leaves().Difference(mine), Modified: changes.Modified.Leaves().Difference(mine), Removed: changes.Removed.Difference(mine),
	}
	if result, err = putWithDefaults(changes, requested, result, candidate); err != nil {
		return nil, err
	}
	if result, err = withoutEmptied(result, requested, owned); err != nil {
		return nil, err
	}
	return templateOfTyped(result)
}

// withoutEmptied removes fields that were applied as empty values, such as args: []. Only their ownership remains.
func withoutEmptied(value, request *typed.TypedValue, owned *fieldpath.Set) (*typed.TypedValue, error) {
	requested, err := request.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	emptied := owned.Leaves().Difference(requested)
	if emptied.Empty() {
		return value, nil
	}
	present, err := value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	return value.RemoveItems(emptied.Intersection(present.Leaves())), nil
}

// ownedBy returns the fields of an entry; none if there is no entry.
func ownedBy(entry *metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	owned := fieldpath.NewSet()
	if entry == nil {
		return owned, nil
	}
	if err := owned.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, fmt.Errorf("metadata.managedFields: entry of %s: %w", entry.Manager, err)
	}
	return owned, nil
}

// configuration returns what was applied: the fields that the applier now owns, with the values of the request.
func (s *subject) configuration(owned *fieldpath.Set) (*unstructured.Unstructured, error) {
	// The configuration may share metadata with what it is extracted from, and gets its own name below.
	request, err := converter().ObjectToTyped(withTemplate(s.new, s.requested.Template))
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	configuration, err := untyped(converter().TypedToObject(request.ExtractItems(owned.Leaves(), typed.WithAppendKeyFields())))
	if err != nil {
		return nil, fmt.Errorf("read the applied fields: %w", err)
	}
	configuration.SetAPIVersion(appsv1.SchemeGroupVersion.String())
	configuration.SetKind("Deployment")
	configuration.SetName(s.name())
	return configuration, nil
}

// applyToCandidate returns the template and the field owners that the API server would have computed had it applied
// the configuration to the candidate.
func (s *subject) applyToCandidate(configuration *unstructured.Unstructured) (workload.Template, []metav1.ManagedFieldsEntry, error) {
	manager, err := fieldManager()
	if err != nil {
		return nil, nil, fmt.Errorf("metadata.managedFields: %w", err)
	}
	result, err := untyped(manager.Apply(s.asRequested(), configuration, s.request.Manager, true))
	if err != nil {
		return nil, nil, fmt.Errorf("apply as %s: %w", s.request.Manager, err)
	}
	template, err := templateOf(result.Object)
	return template, result.GetManagedFields(), err
}
