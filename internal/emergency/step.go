package emergency

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Step is one write.
type Step struct {
	// Object is the kind and the name of the object, Does what becomes of it, in words.
	Object, Does string
	// desired is the object as it should be.
	desired client.Object
	how     how
	// patch is what changes, for scale.
	patch []byte
	// records is set if the steps after this one change what it records. If the object has changed meanwhile, they wait for the
	// next look.
	records bool
}

// how is the way to write an object.
type how int

const (
	update how = iota
	create
	updateStatus
	scale
	// release writes only the finalizers of a Canary.
	release
	// updateRoute writes a route and leaves its rules with whoever owned them.
	updateRoute
)

// scaled returns the step that sets the replicas of the controller.
func scaled(controller *appsv1.Deployment, replicas int32, does string) Step {
	return Step{Object: "Deployment " + client.ObjectKeyFromObject(controller).String(), Does: does, desired: controller, how: scale,
		patch: fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)}
}
