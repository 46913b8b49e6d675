package admission

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"sluice.dev/sluice/internal/workload"
)

// replayDifference applies the difference between two templates to a third.
func replayDifference(from, to, onto workload.Template) (workload.Template, error) {
	values, err := typedAll(from, to, onto)
	if err != nil {
		return nil, err
	}
	changes, err := differences(values[0], values[1])
	if err != nil {
		return nil, err
	}
	merged, err := put(changes, values[1], values[2], func(added *fieldpath.Set) *fieldpath.Set { return added })
	if err != nil {
		return nil, err
	}
	return templateOfTyped(merged)
}

// completed adds to the result of a client-side apply on the candidate what the request has beyond the same apply on
// the stored template: changes by other webhooks, and the API server's defaults.
func (s *subject) completed(onCandidate, onLive workload.Template) (workload.Template, error) {
	values, err := typedAll(onCandidate, onLive, s.requested.Template, s.candidate.Template)
	if err != nil {
		return nil, err
	}
	changes, err := differences(values[1], values[2])
	if err != nil {
		return nil, err
	}
	merged, err := putWithDefaults(changes, values[2], values[0], values[3])
	if err != nil {
		return nil, err
	}
	return templateOfTyped(merged)
}

// putWithDefaults applies the changes that lead to the request to the result of an apply on the candidate, and adds
// the API server's defaults to what is new there.
func putWithDefaults(changes *typed.Comparison, request, onto, candidate *typed.TypedValue) (*typed.TypedValue, error) {
	merged, err := put(changes, request, onto, metadataOnly)
	if err != nil {
		return nil, err
	}
	return withDefaults(merged, candidate, request)
}

func differences(from, to *typed.TypedValue) (*typed.Comparison, error) {
	changes, err := from.Compare(to)
	if err != nil {
		return nil, fmt.Errorf("spec.template: compare the templates: %w", err)
	}
	return changes, nil
}

// put applies the changes that lead to one value to another. If that already has an added field, the fields that win
// selects take the new value; the others may be defaults, which only fill gaps.
func put(changes *typed.Comparison, to, onto *typed.TypedValue, win func(added *fieldpath.Set) *fieldpath.Set) (*typed.TypedValue, error) {
	if changes.IsSame() {
		return onto, nil
	}
	added := changes.Added.Leaves()
	changed := win(added).Union(changes.Modified.Leaves())
	merged, err := onto.Merge(to.ExtractItems(changed, typed.WithAppendKeyFields()))
	if err != nil {
		return nil, fmt.Errorf("spec.template: apply the changes: %w", err)
	}
	if merged, err = to.ExtractItems(added, typed.WithAppendKeyFields()).Merge(merged); err != nil {
		return nil, fmt.Errorf("spec.template: add missing fields: %w", err)
	}
	if changes.Removed.Empty() {
		return merged, nil
	}
	present, err := merged.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("spec.template: %w", err)
	}
	return merged.RemoveItems(gone(changes.Removed, present)), nil
}

// gone returns the removed items, and the removed fields below which nothing else is present: a list that one template
// lacks altogether must not remove what the other has in it.
func gone(removed, present *fieldpath.Set) *fieldpath.Set {
	kept := fieldpath.NewSet()
	rest := present.Difference(removed)
	for path := range removed.All() {
		if path[len(path)-1].FieldName == nil || !leadsTo(rest, path) {
			kept.Insert(path.Copy())
		}
	}
	return kept
}

// leadsTo reports whether a set has anything below a path.
func leadsTo(set *fieldpath.Set, path fieldpath.Path) bool {
	for _, element := range path {
		set = set.WithPrefix(element)
	}
	return !set.Empty()
}

// has reports whether a set has a path or anything below it.
func has(set *fieldpath.Set, path fieldpath.Path) bool {
	return set.Has(path) || leadsTo(set, path)
}

// metadataOnly selects the labels and annotations of a template, which have no defaults.
func metadataOnly(fields *fieldpath.Set) *fieldpath.Set {
	kept := fieldpath.NewSet()
	for path := range fields.All() {
		if len(path) > 2 && path[2].FieldName != nil && *path[2].FieldName == "metadata" {
			kept.Insert(path.Copy())
		}
	}
	return kept
}

func typedAll(templates ...workload.Template) ([]*typed.TypedValue, error) {
	values := make([]*typed.TypedValue, 0, len(templates))
	for _, template := range templates {
		value, err := typedOf(template)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}
