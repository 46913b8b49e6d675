package reconciler

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
)

// held is what admission has written to the primary's annotations.
type held struct {
	candidate *workload.Candidate
	previous  *workload.Previous
	directs   workload.Directs
	leftOut   *workload.LeftOut
	// invalid says which annotation cannot be read.
	invalid string
}

func heldBy(primary *appsv1.Deployment) (h held) {
	var err error
	if h.candidate, err = workload.CandidateOf(primary.Annotations); err != nil {
		h.invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationCandidate, err)
	}
	if h.previous, err = workload.PreviousOf(primary.Annotations); err != nil {
		h.invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationPrevious, err)
	}
	if h.directs, err = workload.DirectsOf(primary.Annotations); err != nil {
		h.invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationDirect, err)
	}
	if h.leftOut, err = workload.LeftOutOf(primary.Annotations); err != nil {
		h.invalid = fmt.Sprintf("annotation %s: %v", config.AnnotationLeftOut, err)
	}
	return h
}

// canaryObjects holds the objects that run the candidate.
type canaryObjects struct {
	deployment     *appsv1.Deployment
	service        *corev1.Service
	readyEndpoints int32
	// primaryEndpoints are the ready pods of the primary's Services, if its status says that no replica is available.
	primaryEndpoints int32
	// foreign names an object with the name of the canary or of its Service that does not belong to the Canary.
	foreign string
	// editor names who last changed the canary's pod template, if it is not the written one.
	editor string
}

func (r *reader) readCanaryObjects(ctx context.Context, of subjects, services []corev1.Service) (c canaryObjects, err error) {
	c.deployment, err = fetch(ctx, r.cached, client.ObjectKey{Namespace: of.key.Namespace, Name: workload.CanaryName(of.key.Name)}, &appsv1.Deployment{})
	if err != nil {
		return c, err
	}
	if c.deployment != nil && !ours(c.deployment, of.canary) {
		c.foreign, c.deployment = "Deployment "+c.deployment.Name, nil
	}
	if c.editor, err = r.readEditor(ctx, c.deployment, of.canary); err != nil {
		return c, err
	}
	for i := range services {
		if service := &services[i]; ours(service, of.canary) && !observed.IsControls(service) {
			c.service = service
		}
	}
	if c.primaryEndpoints, err = r.readPrimaryEndpoints(ctx, of.primary, services); err != nil {
		return c, err
	}
	if c.service != nil {
		c.readyEndpoints, err = r.readEndpoints(ctx, r.cached, c.service)
	} else if foreign := foreignService(of.primary, services, workload.CanaryServiceName); foreign != "" {
		c.foreign = foreign
	}
	return c, err
}

// readPrimaryEndpoints counts the ready pods of the primary's Services while its status says that no replica is available: a pod
// that is younger than minReadySeconds serves. The cache holds only the endpoints of canaries.
func (r *reader) readPrimaryEndpoints(ctx context.Context, primary *appsv1.Deployment, services []corev1.Service) (ready int32, err error) {
	if !isOptedIn(primary) || primary.Status.AvailableReplicas > 0 {
		return 0, nil
	}
	for _, service := range workload.ServicesOf(primary, services) {
		count, err := r.readEndpoints(ctx, r.live, &service)
		if err != nil {
			return 0, err
		}
		ready += count
	}
	return ready, nil
}

// readEditor names who changed the canary's pod template. The cache has no managed fields.
func (r *reader) readEditor(ctx context.Context, deployment *appsv1.Deployment, canary *v1alpha1.Canary) (editor string, err error) {
	if !observed.Differs(deployment, canary.Status.Open().Canary.Written) {
		return "", nil
	}
	edited, err := fetch(ctx, r.live, client.ObjectKeyFromObject(deployment), &appsv1.Deployment{})
	if err != nil || edited == nil {
		return "", err
	}
	return workload.EditorOf(edited, config.FieldManager), nil
}

// foreignService names a Service that has the name that the Service of a copy will have. It returns an empty string for none.
func foreignService(primary *appsv1.Deployment, services []corev1.Service, named func(service string) string) (foreign string) {
	if primary == nil {
		return ""
	}
	for _, service := range workload.ServicesOf(primary, services) {
		for i := range services {
			if services[i].Name == named(service.Name) {
				foreign = "Service " + services[i].Name
			}
		}
	}
	return foreign
}

// ours reports whether this Canary created the object, for its canary or its control. One of an earlier Canary with the same name is being deleted.
func ours(object metav1.Object, canary *v1alpha1.Canary) bool {
	return metav1.IsControlledBy(object, canary) && workload.IsCopy(object)
}

// readEndpoints counts the ready pods of a Service.
func (r *reader) readEndpoints(ctx context.Context, from client.Reader, service *corev1.Service) (int32, error) {
	var slices discoveryv1.EndpointSliceList
	err := from.List(ctx, &slices, client.InNamespace(service.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service.Name},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return 0, fmt.Errorf("list EndpointSlices of Service %s: %w", service.Name, err)
	}
	pods := map[string]bool{}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.TargetRef != nil && ptr.Deref(endpoint.Conditions.Ready, true) {
				pods[endpoint.TargetRef.Name] = true
			}
		}
	}
	return int32(len(pods)), nil
}
