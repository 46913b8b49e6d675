package reconciler

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout"
)

// gather reads what one tick looks at besides its subjects.
func (r *Reconciler) gather(ctx context.Context, canary *v1alpha1.Canary, o *rollout.Observation) (config.Policy, error) {
	o.Now = time.Now()
	o.Nonce = rand.Text()[:10]
	o.Spec = canary.Spec
	o.Finalizer = controllerutil.ContainsFinalizer(canary, config.Finalizer)
	o.Prometheus = r.prometheus
	o.DryRun = r.DryRun
	if canary.DeletionTimestamp != nil {
		o.DeletedAt = &canary.DeletionTimestamp.Time
	}
	if err := r.readCopy(ctx, canary, o); err != nil {
		return config.Policy{}, err
	}
	if err := r.readEndpoints(ctx, o); err != nil {
		return config.Policy{}, err
	}
	policy, err := r.readPolicy(ctx, o)
	if err != nil {
		return config.Policy{}, err
	}
	readPrimary(o)
	if err := r.readFreezes(ctx, o); err != nil {
		return config.Policy{}, err
	}
	if err := r.readObjects(ctx, canary, o); err != nil {
		return config.Policy{}, err
	}
	if err := r.readTemplates(ctx, rollout.InForce(policy, canary.Status, *o), o); err != nil {
		return policy, err
	}
	needs := rollout.NeedsOf(policy, canary.Status, *o)
	o.HookAnswers = r.hooks.answers(ctx, client.ObjectKeyFromObject(canary), needs.Hooks)
	o.Samples, o.Sampled = r.samples.take(ctx, client.ObjectKeyFromObject(canary), needs)
	return policy, nil
}

// readPrimary takes from the primary's annotations what admission has written there.
func readPrimary(o *rollout.Observation) {
	if o.Primary == nil {
		return
	}
	var err error
	if o.Candidate, err = workload.CandidateOf(o.Primary.Annotations); err != nil {
		o.Invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationCandidate, err)
	}
	if o.Previous, err = workload.PreviousOf(o.Primary.Annotations); err != nil {
		o.Invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationPrevious, err)
	}
	if o.Direct, err = workload.DirectOf(o.Primary.Annotations); err != nil {
		o.Invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationDirect, err)
	}
}

func (r *Reconciler) readLists(ctx context.Context, o *rollout.Observation) error {
	var services corev1.ServiceList
	var gateways gatewayv1.GatewayList
	var classes gatewayv1.GatewayClassList
	namespace := client.InNamespace(o.Namespace)
	for _, list := range []struct {
		of      client.ObjectList
		options []client.ListOption
	}{{&services, []client.ListOption{namespace}}, {&gateways, nil}, {&classes, nil}} {
		if err := r.Client.List(ctx, list.of, list.options...); err != nil {
			return fmt.Errorf("list %T: %w", list.of, err)
		}
	}
	o.Services, o.Gateways, o.Classes = services.Items, gateways.Items, classes.Items
	var err error
	if o.Grants, err = r.listGrants(ctx, o.Namespace); err != nil {
		return err
	}
	if o.GeneratedGrants, err = r.listGenerated(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Name}); err != nil {
		return err
	}
	o.NoGrants, o.Watched = !r.crossNamespaceGrants || r.known().grants == "", r.namespaces
	o.Applied = r.applied.get(client.ObjectKey{Namespace: o.Namespace, Name: o.Name})
	o.Routes, err = r.listRoutes(ctx, metav1.NamespaceAll)
	return err
}

// readCopy reads the canary copy and its Service. Those with their names that are not the Canary's are foreign.
func (r *Reconciler) readCopy(ctx context.Context, canary *v1alpha1.Canary, o *rollout.Observation) error {
	copied, err := fetch(ctx, r.Client, client.ObjectKey{Namespace: o.Namespace, Name: workload.CanaryName(o.Name)}, &appsv1.Deployment{})
	if err != nil {
		return err
	}
	if copied != nil && !ours(copied, canary) {
		o.Foreign = "Deployment " + copied.Name
		copied = nil
	}
	o.Copy = copied
	for i := range o.Services {
		if service := &o.Services[i]; ours(service, canary) {
			o.CopyService = service
		}
	}
	if o.Primary == nil || o.CopyService != nil {
		return nil
	}
	for _, service := range workload.ServicesOf(o.Primary, o.Services) {
		for i := range o.Services {
			if o.Services[i].Name == workload.CanaryServiceName(service.Name) {
				o.Foreign = "Service " + o.Services[i].Name
			}
		}
	}
	return nil
}

// ours reports whether this Canary made the object; one that an earlier Canary of the name made is going away.
func ours(object metav1.Object, canary *v1alpha1.Canary) bool {
	return metav1.IsControlledBy(object, canary) && object.GetLabels()[config.LabelRole] == config.RoleCanary
}

func (r *Reconciler) readEndpoints(ctx context.Context, o *rollout.Observation) error {
	if o.CopyService == nil {
		return nil
	}
	var slices discoveryv1.EndpointSliceList
	err := r.Client.List(ctx, &slices, client.InNamespace(o.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: o.CopyService.Name})
	if err != nil {
		return fmt.Errorf("list EndpointSlices of Service %s: %w", o.CopyService.Name, err)
	}
	pods := map[string]bool{}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.TargetRef != nil && ptr.Deref(endpoint.Conditions.Ready, true) {
				pods[endpoint.TargetRef.Name] = true
			}
		}
	}
	o.ReadyEndpoints = int32(len(pods))
	return nil
}
