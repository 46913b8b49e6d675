package admission

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// withDefaults adds the API server's defaults, taken from the request, to what is new in a template compared with the
// one before: a container that an apply adds is as complete as one that was always there.
func withDefaults(template, before, request *typed.TypedValue) (*typed.TypedValue, error) {
	var sets [3]*fieldpath.Set
	for i, value := range []*typed.TypedValue{template, before, request} {
		set, err := value.ToFieldSet()
		if err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
		sets[i] = set
	}
	missing := defaultsIn(sets[2].Difference(sets[0]).Leaves(), sets[0], sets[1], request)
	if missing.Empty() {
		return template, nil
	}
	merged, err := request.ExtractItems(missing, typed.WithAppendKeyFields()).Merge(template)
	if err != nil {
		return nil, fmt.Errorf("spec.template: complete with defaults: %w", err)
	}
	return merged, nil
}

// defaultsIn selects, from the fields that a template lacks, those that defaulting can have set: single values inside
// something that the template has, if that is new or the field was there before. Other fields are absent because they
// were removed.
func defaultsIn(missing, present, before *fieldpath.Set, request *typed.TypedValue) *fieldpath.Set {
	defaults := fieldpath.NewSet()
	for path := range missing.All() {
		parent := path[:len(path)-1]
		if path[len(path)-1].FieldName != nil && has(present, parent) && (!has(before, parent) || has(before, path)) && !isList(request, path) {
			defaults.Insert(path.Copy())
		}
	}
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
