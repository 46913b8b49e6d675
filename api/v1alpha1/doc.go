// Package v1alpha1 holds the types of the API group sluice.dev.
//
// +kubebuilder:object:generate=true
// +groupName=sluice.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "sluice.dev", Version: "v1alpha1"}

// SchemeBuilder collects the functions that register this package's types.
var SchemeBuilder = runtime.NewSchemeBuilder(func(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Canary{}, &CanaryList{}, &CanaryPolicy{}, &CanaryPolicyList{}, &ClusterCanaryPolicy{}, &ClusterCanaryPolicyList{})
	scheme.AddKnownTypes(GroupVersion, &MetricTemplate{}, &MetricTemplateList{}, &AlertProvider{}, &AlertProviderList{}, &Freeze{}, &FreezeList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
})

// AddToScheme registers this package's types in a scheme.
var AddToScheme = SchemeBuilder.AddToScheme
