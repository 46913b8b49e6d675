package observed

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// IsControls reports whether an object was made for the control.
func IsControls(object workload.Object) bool { return workload.RoleOf(object) == config.RoleControl }

// Control returns the Deployment of the control; nil if there is none.
func (o World) Control() *appsv1.Deployment { return ofControl[*appsv1.Deployment](o) }

// ControlService returns the Service of the control's pods; nil if there is none.
func (o World) ControlService() *corev1.Service { return ofControl[*corev1.Service](o) }

// ofControl returns the control's object of a kind.
func ofControl[T workload.Object](o World) (none T) {
	for _, object := range o.Made {
		if made, is := object.(T); is && IsControls(made) {
			return made
		}
	}
	return none
}

// HasControl reports whether anything of a control exists.
func (o World) HasControl() bool { return slices.ContainsFunc(o.Made, IsControls) }
