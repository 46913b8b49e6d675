package migrate

import (
	"maps"
	"slices"
	"strings"
)

// foreignAnnotations are the prefixes of annotations with which tools mark their objects.
var foreignAnnotations = []string{"kubectl.kubernetes.io/", "meta.helm.sh/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "argocd.argoproj.io/"}

// made makes an object of a kind with the name, labels and annotations of the original.
func (c *conversion) made(apiVersion, kind string, spec any) map[string]any {
	metadata, _ := c.object["metadata"].(map[string]any)
	kept, left := map[string]any{}, []string{}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		switch key {
		case "name", "namespace", "labels", "annotations":
			kept[key] = metadata[key]
		default:
			left = append(left, "metadata."+key)
		}
	}
	if annotations, _ := kept["annotations"].(map[string]any); annotations != nil {
		for _, key := range slices.Sorted(maps.Keys(annotations)) {
			if slices.ContainsFunc(foreignAnnotations, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
				delete(annotations, key)
				left = append(left, "metadata.annotations["+key+"]")
			}
		}
		if len(annotations) == 0 {
			delete(kept, "annotations")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.object)) {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec"}, key) {
			left = append(left, key)
		}
	}
	if len(left) > 0 {
		c.note("dropped: the cluster or a tool set this on the old object", left...)
	}
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": kept, "spec": spec}
}
