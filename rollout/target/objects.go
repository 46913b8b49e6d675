package target

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// CanaryObjects makes everything that runs the candidate, in the order of its writes: the policies that protect the
// canary's pods, the Deployment, its Service, its autoscaler and its disruption budgets. The error says which part of the
// policy cannot be followed.
func CanaryObjects(o observed.World, intent plan.CanaryIntent, owner metav1.OwnerReference) ([]workload.Object, error) {
	canary, err := makeCanary(o, intent, owner)
	if err != nil {
		return nil, err
	}
	service := serviceOf(o, canary, intent.Service, owner)
	if service != nil {
		workload.KeepPorts(service, o.CanaryService, usedPorts(o))
		workload.SealPorts(service)
		workload.WithMetadata(service, intent.Metadata)
	}
	autoscaler := canaryAutoscaler(o, intent, canary)
	if autoscaler != nil {
		leaveToAutoscaler(canary, o.CanaryDeployment)
	}
	return withCopy(o, canary, service, autoscaler), nil
}

// serviceOf makes the Service of a copy's pods from the primary's Service of a name; nil if that is not there.
func serviceOf(o observed.World, made *appsv1.Deployment, name string, owner metav1.OwnerReference) *corev1.Service {
	for i := range o.Services {
		if o.Services[i].Name == name {
			return workload.MakeCanaryService(&o.Services[i], o.Primary, made, owner)
		}
	}
	return nil
}

// withCopy lists all that goes with a copy of the primary, in the order of its writes: the policies that protect its pods come first. The
// Service and the autoscaler may be nil.
func withCopy(o observed.World, made *appsv1.Deployment, service *corev1.Service, autoscaler workload.Object) []workload.Object {
	var objects []workload.Object
	for _, policy := range workload.MakeCanaryNetworkPolicies(o.NetworkPolicies, o.Primary, made) {
		objects = append(objects, policy)
	}
	objects = append(objects, made)
	if service != nil {
		objects = append(objects, service)
	}
	if autoscaler != nil {
		objects = append(objects, autoscaler)
	}
	for _, budget := range workload.MakeCanaryBudgets(o.Budgets, o.Primary, made) {
		objects = append(objects, budget)
	}
	return objects
}

// usedPorts are the ports at which routes send to the canary's Service.
func usedPorts(o observed.World) []int32 {
	var ports []int32
	for _, r := range o.Routes {
		if o.CanaryService != nil {
			ports = append(ports, route.PortsTo(r, keyOf(o.CanaryService))...)
		}
	}
	return ports
}

func keyOf(service *corev1.Service) types.NamespacedName {
	return types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
}

// makeCanary makes the Deployment that runs the candidate, or scales the existing one.
func makeCanary(o observed.World, intent plan.CanaryIntent, owner metav1.OwnerReference) (*appsv1.Deployment, error) {
	if intent.Action == plan.CanaryScale {
		canary := o.CanaryDeployment.DeepCopy()
		canary.Spec.Replicas = &intent.Replicas
		return canary, nil
	}
	canary, err := workload.MakeCanary(o.Primary, *o.Candidate, intent.Identity, intent.Replicas, owner)
	if err != nil {
		return nil, err
	}
	return canary, workload.Override(canary, intent.Policy.Template)
}

// canaryAutoscaler makes the canary's copy of the primary's autoscaler; nil if there is none, the policy wants no copy, or the
// canary has no replicas.
// If the autoscaler is deleted in flight, the rollout continues.
func canaryAutoscaler(o observed.World, intent plan.CanaryIntent, canary *appsv1.Deployment) workload.Object {
	found, err := workload.AutoscalerOf(o.Primary, o.Autoscalers, o.ScaledObjects, intent.Autoscaler)
	if err != nil || found == nil || !intent.Policy.Autoscaler || intent.Replicas == 0 {
		return nil
	}
	limits := workload.Limits{Min: intent.Replicas, Share: intent.Share}
	var queries map[string]string
	if ref := intent.Autoscaler; ref != nil {
		limits.Set, queries = ref.PrimaryScalerReplicas, ref.PrimaryScalerQueries
	}
	return found.Make(canary, limits, queries, o.Primary.Name)
}

// leaveToAutoscaler keeps replicas that the canary's autoscaler may have added.
func leaveToAutoscaler(canary, current *appsv1.Deployment) {
	if current != nil && workload.Replicas(current) > workload.Replicas(canary) {
		canary.Spec.Replicas = current.Spec.Replicas
	}
}

// findObjects looks ahead to the objects made with the canary. None of them may exist already, and no Service may select
// the canary's pods as the policy changes them. It also finds policies that would miss the pods.
func findObjects(target *Target, policy config.Policy, o observed.World) string {
	candidate := o.InFlight()
	if candidate == nil {
		return ""
	}
	if _, err := workload.AutoscalerOf(o.Primary, o.Autoscalers, o.ScaledObjects, policy.Autoscaler); err != nil && o.CanaryDeployment == nil {
		return err.Error()
	}
	intent := plan.CanaryIntent{Replicas: 1, Identity: target.Identity, Policy: policy.Canary, Autoscaler: policy.Autoscaler}
	objects, err := CanaryObjects(o, intent, metav1.OwnerReference{})
	if err != nil {
		return err.Error()
	}
	for _, object := range objects {
		if canary, is := object.(*appsv1.Deployment); is {
			if problem := findVolumes(target, canary, o); problem != "" {
				return problem
			}
			pods := canary.Spec.Template.Labels
			target.Missed = missed(*target, policy, canary, o)
			if leak := workload.LeakOf(pods, o.Services, target.CanaryService()); leak != nil {
				return fmt.Sprintf("Service %s would select the canary's pods by label %s, which the policy's spec.canary.template sets: "+
					"leave that label out", leak.Service, leak.Label)
			}
		}
		if foreign := foreignTo(o, object); foreign != "" {
			return notOurs(foreign)
		}
	}
	return ""
}

// findVolumes looks for volumes that keep the canary's pods from starting beside the primary's. A canary that is there already
// shows by itself whether it starts.
func findVolumes(target *Target, canary *appsv1.Deployment, o observed.World) string {
	bound := workload.BoundBy(canary.Spec.Template.Spec, o.Claims)
	target.OneNode = bound.OneNode
	if len(bound.OnePod) == 0 || o.CanaryDeployment != nil {
		return ""
	}
	return fmt.Sprintf("the candidate mounts PersistentVolumeClaim %s, which one pod at a time may use (ReadWriteOncePod), so no canary can start "+
		"beside the primary: use a claim with ReadWriteMany, give the canary another volume with the policy's spec.canary.template, or roll "+
		"out without a canary with the annotation %s", strings.Join(bound.OnePod, ", "), config.AnnotationBypass)
}

// foreignTo names an existing object that belongs to somebody else and has the name of one to be made; empty when there is
// none. The Deployment and the Service are checked when they are read.
func foreignTo(o observed.World, made workload.Object) string {
	var others []workload.Object
	for i := range o.Autoscalers {
		others = append(others, &o.Autoscalers[i])
	}
	for i := range o.ScaledObjects {
		others = append(others, &o.ScaledObjects[i])
	}
	for i := range o.Budgets {
		others = append(others, &o.Budgets[i])
	}
	for i := range o.NetworkPolicies {
		others = append(others, &o.NetworkPolicies[i])
	}
	for _, other := range others {
		if kind := workload.KindOf(other); kind == workload.KindOf(made) && other.GetName() == made.GetName() {
			return kind + " " + other.GetName()
		}
	}
	return ""
}
