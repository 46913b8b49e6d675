package admission

import (
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"sluice.dev/sluice/internal/workload"
)

// fieldManager is the API server's own tracking of field owners, for Deployments.
var fieldManager = sync.OnceValues(func() (*managedfields.FieldManager, error) {
	kind := appsv1.SchemeGroupVersion.WithKind("Deployment")
	return managedfields.NewDefaultFieldManager(converter(), asIs{}, asIs{}, asIs{}, kind, kind.GroupVersion(), "", nil)
})

// asIs converts nothing and adds no defaults: every version of a Deployment is read as apps/v1.
type asIs struct{}

// Convert is never called for objects that already exist.
func (asIs) Convert(in, _, _ any) error { return fmt.Errorf("convert %T: not supported", in) }

// ConvertToVersion returns the object.
func (asIs) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

// ConvertFieldLabel returns the label.
func (asIs) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// Default adds nothing.
func (asIs) Default(runtime.Object) {}

// New makes an empty object.
func (asIs) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object, nil
}

// ownUpdated makes the requester the owner of what it changed in the latest requested template, as the API server
// would have recorded had that been live. The API server's own record is about the stored template, and a later apply
// would go by it.
func (s *subject) ownUpdated(meant workload.Template) {
	if s.request.Manager == "" {
		return
	}
	fields, err := s.updatedBy(meant)
	if err != nil {
		s.warn("field ownership follows the stored template, not the candidate: %v", err)
		return
	}
	s.owners = fields
}

func (s *subject) updatedBy(meant workload.Template) ([]metav1.ManagedFieldsEntry, error) {
	manager, err := fieldManager()
	if err != nil {
		return nil, fmt.Errorf("metadata.managedFields: %w", err)
	}
	asked, err := s.aroundAsked()
	if err != nil {
		return nil, err
	}
	live, updated := s.asRequested(), withTemplate(changedSpec(s.new, asked), meant)
	updated.SetManagedFields(live.GetManagedFields())
	result, err := untyped(manager.Update(live, updated, s.request.Manager))
	if err != nil {
		return nil, fmt.Errorf("metadata.managedFields: %w", err)
	}
	return result.GetManagedFields(), nil
}
