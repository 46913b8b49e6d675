package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/config"
)

// MakeControl returns the Deployment that runs the primary's present template beside a canary. The hash is that of the template.
func MakeControl(primary *appsv1.Deployment, hash string, identity Identity, replicas int32, owner metav1.OwnerReference) *appsv1.Deployment {
	control := makeCopy(config.RoleControl, primary, *primary.Spec.Template.DeepCopy(), identity, replicas, owner)
	control.Annotations[config.AnnotationTemplateHash] = hash
	return control
}

// ControlIdentity chooses the labels that tell a control's pods from the primary's, as IdentityFor does for a canary's.
func ControlIdentity(primary *appsv1.Deployment, services []corev1.Service, keys []string) (Identity, error) {
	identity, err := IdentityFor(primary, primary.Spec.Template, services, keys)
	for key := range identity {
		identity[key] = valueOf(config.RoleControl, primary.Spec.Template.Labels[key])
	}
	return identity, err
}
