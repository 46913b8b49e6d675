package admission

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// podMergeKeys are the keys by which kubectl merges the lists of a pod template.
var podMergeKeys = sync.OnceValues(func() (mergeKeys, error) {
	known, err := strategicpatch.NewPatchMetaFromStruct(corev1.PodTemplateSpec{})
	if err != nil {
		return mergeKeys{}, fmt.Errorf("spec.template: %w", err)
	}
	return mergeKeys{known}, nil
})

// mergeKeys tells how the fields of a type are merged. Fields that the types of this release do not know are merged as
// plain JSON, lists as a whole: a field that a newer API server has added must not block changes of the Deployment.
type mergeKeys struct {
	// known is nil below an unknown field.
	known strategicpatch.LookupPatchMeta
}

// LookupPatchMetadataForStruct tells how a field of an object is merged.
func (k mergeKeys) LookupPatchMetadataForStruct(key string) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	if k.known == nil {
		return k, strategicpatch.PatchMeta{}, nil
	}
	return orPlain(k.known.LookupPatchMetadataForStruct(key))
}

// LookupPatchMetadataForSlice tells how a list is merged.
func (k mergeKeys) LookupPatchMetadataForSlice(key string) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	if k.known == nil {
		return k, strategicpatch.PatchMeta{}, nil
	}
	return orPlain(k.known.LookupPatchMetadataForSlice(key))
}

func orPlain(known strategicpatch.LookupPatchMeta, meta strategicpatch.PatchMeta, err error) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	if err != nil {
		return mergeKeys{}, strategicpatch.PatchMeta{}, nil
	}
	return mergeKeys{known}, meta, nil
}

// Name returns the name of the type, for errors.
func (k mergeKeys) Name() string {
	if k.known == nil {
		return "unknown"
	}
	return k.known.Name()
}
