package webhook

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"sluice.dev/sluice/workload"
)

// withDefaults completes what is new in a template, compared with the one before, by the API server's defaults, which the
// request has: a container that an apply adds is as complete as one that was always there.
func withDefaults(template, before, request workload.Template) (workload.Template, error) {
	values, err := typedAll(template, before, request)
	if err != nil {
		return nil, err
	}
	var sets [3]*fieldpath.Set
	for i, value := range values {
		if sets[i], err = value.ToFieldSet(); err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
	}
	missing := defaultsIn(sets[2].Difference(sets[0]).Leaves(), known(sets[0]), known(sets[1]), values[2])
	if missing.Empty() {
		return template, nil
	}
	merged, err := values[2].ExtractItems(missing, typed.WithAppendKeyFields()).Merge(values[0])
	if err != nil {
		return nil, fmt.Errorf("spec.template: complete with defaults: %w", err)
	}
	return templateOfTyped(merged)
}

// defaultsIn keeps of the fields that a template lacks those that defaulting can have set: single values in something
// that the template has, if that is new or the field was there before. Other fields are absent because they were taken
// away.
func defaultsIn(missing *fieldpath.Set, has, had map[string]bool, request *typed.TypedValue) *fieldpath.Set {
	defaults := fieldpath.NewSet()
	missing.Iterate(func(path fieldpath.Path) {
		parent := path[:len(path)-1].String()
		if has[parent] && (!had[parent] || had[path.String()]) && path[len(path)-1].FieldName != nil && !isList(request, path) {
			defaults.Insert(path.Copy())
		}
	})
	return defaults
}

// isList reports whether a value has a list at a path.
func isList(value *typed.TypedValue, path fieldpath.Path) bool {
	found := value.ExtractItems(fieldpath.NewSet(path), typed.WithAppendKeyFields()).AsValue().Unstructured()
	for _, element := range path {
		switch inner := found.(type) {
		case map[string]any:
			if element.FieldName != nil {
				found = inner[*element.FieldName]
			}
		case []any:
			found = inner[0] // nothing but the item of this path was extracted
		}
	}
	_, list := found.([]any)
	return list
}

// known are all paths of a set with those that lead to them.
func known(set *fieldpath.Set) map[string]bool {
	paths := map[string]bool{}
	set.Iterate(func(path fieldpath.Path) {
		for n := 1; n <= len(path); n++ {
			paths[path[:n].String()] = true
		}
	})
	return paths
}
