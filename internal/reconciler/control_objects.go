package reconciler

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// controlObjects holds the objects that run the primary's template beside the canary.
type controlObjects struct {
	controls       []workload.Object
	controlReady   int32
	controlForeign string
}

func (c controlObjects) madeService() *corev1.Service {
	return observed.World{Made: c.controls}.ControlService()
}

// readControlObjects reads the control's Deployment, its Service and how many ready pods that has.
func (r *reader) readControlObjects(ctx context.Context, of subjects, services []corev1.Service) (c controlObjects, err error) {
	key := client.ObjectKey{Namespace: of.key.Namespace, Name: workload.ControlName(of.key.Name)}
	control, err := fetch(ctx, r.cached, key, &appsv1.Deployment{})
	if err != nil {
		return c, err
	}
	switch {
	case control == nil:
	case ours(control, of.canary) && observed.IsControls(control):
		c.controls = append(c.controls, control)
	default:
		c.controlForeign = "Deployment " + control.Name
	}
	for i := range services {
		if service := &services[i]; ours(service, of.canary) && observed.IsControls(service) {
			c.controls = append(c.controls, service)
		}
	}
	if service := c.madeService(); service != nil {
		c.controlReady, err = r.readEndpoints(ctx, r.cached, service)
		return c, err
	}
	if foreign := foreignService(of.primary, services, workload.ControlServiceName); foreign != "" {
		c.controlForeign = foreign
	}
	return c, nil
}
