package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// ClaimsOf returns the names of the PersistentVolumeClaims that a pod mounts.
func ClaimsOf(pod corev1.PodSpec) []string {
	var names []string
	for _, volume := range pod.Volumes {
		if claim := volume.PersistentVolumeClaim; claim != nil && !slices.Contains(names, claim.ClaimName) {
			names = append(names, claim.ClaimName)
		}
	}
	return names
}

// Bound are the claims of a pod that keep it from starting beside another pod.
type Bound struct {
	// OnePod are those that a single pod may use, OneNode those that only pods of one node may.
	OnePod, OneNode []string
}

// BoundBy returns the claims that keep a pod from starting beside another pod that mounts them, given the access modes of the
// claims that are known.
func BoundBy(pod corev1.PodSpec, modes map[string][]corev1.PersistentVolumeAccessMode) (bound Bound) {
	for _, name := range ClaimsOf(pod) {
		has := func(mode corev1.PersistentVolumeAccessMode) bool { return slices.Contains(modes[name], mode) }
		switch {
		case has(corev1.ReadWriteMany) || has(corev1.ReadOnlyMany):
		case has(corev1.ReadWriteOncePod):
			bound.OnePod = append(bound.OnePod, name)
		case has(corev1.ReadWriteOnce):
			bound.OneNode = append(bound.OneNode, name)
		}
	}
	return bound
}
