package workload

import (
	"maps"
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"sluice.dev/sluice/config"
)

// Object is any API object.
type Object interface {
	metav1.Object
	runtime.Object
}

// copiedMeta returns the metadata of the copy of an object of the primary that goes with a canary or a control.
func copiedMeta(of metav1.Object, canary *appsv1.Deployment) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{
		Namespace:       of.GetNamespace(),
		Name:            nameOf(RoleOf(canary), of.GetName()),
		Labels:          unclaimed(of.GetLabels()),
		Annotations:     describing(of.GetAnnotations()),
		OwnerReferences: canary.OwnerReferences,
	}
	maps.Copy(meta.Labels, labelsFor(RoleOf(canary), canary.Labels[config.LabelPrimary]))
	return meta
}

// CanaryMarks returns the labels by which everything that is made for a canary is found. Its pods have only the role.
func CanaryMarks(primary string) map[string]string {
	return labelsFor(config.RoleCanary, primary)
}

// labelsFor are the labels of everything that Sluice makes for a primary.
func labelsFor(role, primary string) map[string]string {
	return map[string]string{config.LabelRole: role, config.LabelPrimary: LabelValue(primary), config.LabelManagedBy: config.FieldManager}
}

// RoleOf returns the role of an object that Sluice made; empty for any other.
func RoleOf(object metav1.Object) string { return object.GetLabels()[config.LabelRole] }

// CopyRoles are the roles of what exists only during a rollout.
var CopyRoles = []string{config.RoleCanary, config.RoleControl}

// IsCopy reports whether an object was created for a canary or a control.
func IsCopy(object metav1.Object) bool { return slices.Contains(CopyRoles, RoleOf(object)) }

// misses reports whether a selector matches the primary's pods but not the canary's. An invalid selector matches nothing.
func misses(selector *metav1.LabelSelector, primaryPod, canaryPod map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(primaryPod)) && !parsed.Matches(labels.Set(canaryPod))
}

// canarysOwn selects only the pods of the canary.
func canarysOwn(canary *appsv1.Deployment) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: maps.Clone(canary.Spec.Selector.MatchLabels)}
}

// KindOf returns the kind of an object, also for typed objects, which do not carry it.
func KindOf(object Object) string {
	if kind := object.GetObjectKind().GroupVersionKind().Kind; kind != "" {
		return kind
	}
	return reflect.TypeOf(object).Elem().Name()
}
