package rollout_test

import (
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/internal/simulate/traffic"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
	"sluice.dev/sluice/rollout/target"
)

// control is the control of a world.
type control struct {
	deployment *appsv1.Deployment
	service    *corev1.Service
	endpoints  int32
	// refused is set while the API server refuses its Deployment, and unready while its pods are not ready.
	refused, unready bool
	// requests and errors are what its pods have counted.
	requests, errors float64
}

func (w *world) applyControl(intent plan.ControlIntent) {
	c := &w.control
	switch intent.Action {
	case plan.ControlRemove:
		w.removeControl()
	case plan.ControlEnsure:
		o := observed.World{Primary: w.primary, Services: append([]corev1.Service{w.service}, w.others...)}
		objects, err := target.ControlObjects(o, intent, metav1.OwnerReference{Name: "podinfo"})
		if err != nil {
			w.t.Fatal(err)
		}
		if c.refused {
			return
		}
		for _, object := range objects {
			switch made := object.(type) {
			case *appsv1.Deployment:
				c.ensure(w, made)
			case *corev1.Service:
				c.service = made
			}
		}
	}
}

func (c *control) ensure(w *world, made *appsv1.Deployment) {
	if c.deployment == nil {
		w.uids++
		made.UID, made.Generation = types.UID(fmt.Sprint("control", w.uids)), 1
		c.deployment, c.requests, c.errors = made, 0, 0
		return
	}
	if *c.deployment.Spec.Replicas != *made.Spec.Replicas {
		c.deployment = c.deployment.DeepCopy()
		c.deployment.Spec.Replicas = made.Spec.Replicas
		c.deployment.Generation++
	}
}

// removeControl deletes the control. No route may send requests to it then.
func (w *world) removeControl() {
	if split := w.split(); split.Control != "" {
		w.t.Errorf("the control is removed while the route has the split %s", split.Encode())
	}
	w.loseControl()
	w.control.service = nil
}

// loseControl deletes the control's Deployment.
func (w *world) loseControl() {
	if own := w.control.counter(); w.metered != nil {
		w.metered.gone.Requests, w.metered.gone.Errors = w.metered.gone.Requests+own.Requests, w.metered.gone.Errors+own.Errors
	}
	w.control.deployment, w.control.endpoints, w.control.requests, w.control.errors = nil, 0, 0, 0
}

// made are the objects of the control as a tick reads them.
func (c *control) made() (made []workload.Object) {
	if c.deployment != nil {
		made = append(made, c.deployment.DeepCopy())
	}
	if c.service != nil {
		made = append(made, c.service.DeepCopy())
	}
	return made
}

func (w *world) reactControl() {
	c := &w.control
	c.endpoints = 0
	if c.deployment == nil {
		return
	}
	c.deployment = c.deployment.DeepCopy()
	w.reactTo(c.deployment, func(behaviour) bool { return true })
	if c.unready {
		c.deployment.Status.AvailableReplicas = 0
	}
	if s := c.service; s != nil && maps.Equal(s.Spec.Selector, c.deployment.Spec.Selector.MatchLabels) {
		c.endpoints = c.deployment.Status.AvailableReplicas
	}
}

// checkControl fails if the route begins to send requests to a control that cannot answer them.
func (w *world) checkControl(before, after string, weight float64) {
	if c := w.control; after != "" && before == "" && (c.deployment == nil || c.service == nil) {
		w.t.Error("the route names a control that is not there")
	}
	if after != "" && weight > 0 && w.control.endpoints == 0 && before == "" {
		w.t.Errorf("the route sends weight %v to a control without ready pods", weight)
	}
}

// count takes a part of the primary's requests of the last second: as many as the canary got.
func (c *control) count(share float64, before, after traffic.Counter) {
	if c.deployment == nil || share >= 1 {
		return
	}
	part := share / (1 - share)
	c.requests += part * float64(after.Requests-before.Requests)
	c.errors += part * float64(after.Errors-before.Errors)
}

func (c *control) counter() traffic.Counter {
	return traffic.Counter{Requests: int64(c.requests), Errors: int64(c.errors)}
}
