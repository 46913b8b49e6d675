package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"sluice.dev/sluice/internal/workload"
)

// difference is one field in which two templates differ.
type difference struct {
	path     string
	old, new string
}

const absent = "(none)"

// differences lists what a candidate changes, by field path. Items of lists are matched by the keys with which kubectl merges
// them, such as the name of a container or the mountPath of a mount.
func differences(old, updated workload.Template) []difference {
	root := place{schema: strategicpatch.PatchMetaFromStruct{T: reflect.TypeFor[corev1.PodTemplateSpec]()}}
	return root.compare(map[string]any(old), map[string]any(updated))
}

// place is the position of a value in a template.
type place struct {
	path string
	// schema is the schema of the value, or of the items of a list; nil if unknown.
	schema strategicpatch.LookupPatchMeta
	// key is the field that tells the items of a list apart.
	key string
}

func (p place) compare(old, updated any) []difference {
	if reflect.DeepEqual(old, updated) {
		return nil
	}
	oldParts, oldHas := p.partsOf(old)
	newParts, newHas := p.partsOf(updated)
	if !oldHas || !newHas {
		return []difference{{path: p.path, old: shown(old), new: shown(updated)}}
	}
	all := maps.Clone(oldParts)
	maps.Copy(all, newParts)
	var found []difference
	for _, part := range slices.Sorted(maps.Keys(all)) {
		found = append(found, p.part(part).compare(oldParts[part], newParts[part])...)
	}
	return found
}

// partsOf splits a value for comparison: into the fields of an object, or the items of a list if each has a unique key.
func (p place) partsOf(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case []any:
		items := make(map[string]any, len(v))
		for _, item := range v {
			fields, _ := item.(map[string]any)
			key, has := fields[p.key]
			if !has {
				return nil, false
			}
			items[fmt.Sprintf("[%v]", key)] = fields
		}
		return items, len(v) > 0 && len(items) == len(v)
	}
	return nil, false
}

// part is the place of a field, or of an item, whose name is in brackets.
func (p place) part(name string) place {
	if strings.HasPrefix(name, "[") {
		return place{path: p.path + name, schema: p.schema}
	}
	// A list without a merge key, or in a field that only newer clusters have, may still have names.
	part := place{path: strings.TrimPrefix(p.path+"."+name, "."), key: "name"}
	if p.schema == nil {
		return part
	}
	schema, meta, err := p.schema.LookupPatchMetadataForSlice(name)
	if err != nil {
		schema, meta, err = p.schema.LookupPatchMetadataForStruct(name)
	}
	if err != nil {
		return part
	}
	part.schema = schema
	if key := meta.GetPatchMergeKey(); key != "" {
		part.key = key
	}
	return part
}

// longest is the number of characters shown of a value: the view must fit on a screen.
const longest = 60

func shown(value any) string {
	if value == nil {
		return absent
	}
	text, isText := value.(string)
	if !isText {
		content, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		text = string(content)
	}
	if letters := []rune(text); len(letters) > longest {
		return string(letters[:longest]) + "…"
	}
	return text
}
