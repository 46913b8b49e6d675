package emergency

import (
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// World is what there is in the cluster of Sluice and of its rollouts.
type World struct {
	// Namespace is the namespace of the release.
	Namespace string
	// Mutating and Validating are the chart's webhook configurations.
	Mutating   []admissionregistrationv1.MutatingWebhookConfiguration
	Validating []admissionregistrationv1.ValidatingWebhookConfiguration
	// Lease is the lease of the replica that reconciles; nil if there is none.
	Lease *coordinationv1.Lease
	// Deployments are all Deployments, by namespace and name.
	Deployments map[types.NamespacedName]*appsv1.Deployment
	// Canaries, Freezes and Routes are those of all namespaces.
	Canaries []v1alpha1.Canary
	Freezes  []v1alpha1.Freeze
	Routes   []Route
	// Unread are errors: what could not be read. The rest is still complete.
	Unread []error
}

// Route is a route with the object that it was read from.
type Route struct {
	route.Route
	Object *unstructured.Unstructured
}

// Options say how to turn Sluice off or on.
type Options struct {
	// By is the user, Reason why.
	By, Reason string
	// Now is the present time.
	Now time.Time
	// Force takes the requests of a canary away although its primary has no available replica, and brings Sluice back although none
	// of its replicas is ready.
	Force bool
}

// Record is what is remembered of the last emergency; nil if there was none.
func (w World) Record() *Record { return recordOf(w.Lease) }

// Controller is the Deployment of Sluice; nil if there is none.
func (w World) Controller() *appsv1.Deployment {
	return w.Deployments[types.NamespacedName{Namespace: w.Namespace, Name: Deployment}]
}

// IsOff reports whether Sluice neither reconciles nor is called for any request.
func (w World) IsOff() bool { return isHeld(w.Lease) && len(w.calling()) == 0 }

// IsOn reports whether Sluice may reconcile and is called as the chart says.
func (w World) IsOn() bool { return !isHeld(w.Lease) && len(w.silent()) == 0 && w.installed() }

// installed reports whether the chart's webhooks exist.
func (w World) installed() bool { return len(w.Mutating) > 0 && len(w.Validating) > 0 }

// onlyCanaryServes reports whether the pods of a Deployment's canary are the only ones that can answer.
func (w World) onlyCanaryServes(primary types.NamespacedName) bool {
	canary := types.NamespacedName{Namespace: primary.Namespace, Name: workload.CanaryName(primary.Name)}
	return workload.OnlyCanaryServes(w.Deployments[primary], w.Deployments[canary])
}
