package observed

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// IsControls reports whether an object was made for the control.
func IsControls(object workload.Object) bool { return workload.RoleOf(object) == config.RoleControl }

// Control returns the Deployment of the control; nil if there is none.
func (o World) Control() *appsv1.Deployment {
	for _, object := range o.Made {
		if made, is := object.(*appsv1.Deployment); is && IsControls(made) {
			return made
		}
	}
	return nil
}

// ControlService returns the Service of the control's pods; nil if there is none.
func (o World) ControlService() *corev1.Service {
	for _, object := range o.Made {
		if made, is := object.(*corev1.Service); is && IsControls(made) {
			return made
		}
	}
	return nil
}

// HasControl reports whether anything of a control exists.
func (o World) HasControl() bool {
	for _, object := range o.Made {
		if IsControls(object) {
			return true
		}
	}
	return false
}
