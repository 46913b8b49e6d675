package webhook

import (
	"fmt"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"sluice.dev/sluice/workload"
)

// withDefaults takes the API server's defaults for what is new in the template from the request, which has been
// defaulted: a container that an apply adds is as complete as one that was always there.
func (s *subject) withDefaults(before, template workload.Template) (workload.Template, error) {
	old, err := typedOf(before)
	if err != nil {
		return nil, err
	}
	current, err := typedOf(template)
	if err != nil {
		return nil, err
	}
	request, err := typedOf(s.asked)
	if err != nil {
		return nil, err
	}
	missing, err := defaultsOf(old, current, request)
	if err != nil || missing.Empty() {
		return template, err
	}
	merged, err := request.ExtractItems(missing.Leaves(), typed.WithAppendKeyFields()).Merge(current)
	if err != nil {
		return nil, fmt.Errorf("spec.template: complete with defaults: %w", err)
	}
	return templateOfTyped(merged)
}

// defaultsOf are the fields that the request has, that the template lacks, and that lie in something which is new in the
// template.
func defaultsOf(old, current, request *typed.TypedValue) (*fieldpath.Set, error) {
	var sets [3]*fieldpath.Set
	for i, value := range []*typed.TypedValue{old, current, request} {
		set, err := value.ToFieldSet()
		if err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
		sets[i] = set
	}
	known, added := prefixes(sets[0]), []string{}
	sets[1].Iterate(func(path fieldpath.Path) {
		for n := 1; n <= len(path); n++ {
			if prefix := path[:n].String(); !known[prefix] {
				added = append(added, prefix)
				return
			}
		}
	})
	missing := fieldpath.NewSet()
	sets[2].Difference(sets[1]).Iterate(func(path fieldpath.Path) {
		text := path.String()
		for _, prefix := range added {
			if text != prefix && strings.HasPrefix(text, prefix) {
				missing.Insert(path.Copy())
				return
			}
		}
	})
	return missing, nil
}

func prefixes(set *fieldpath.Set) map[string]bool {
	known := map[string]bool{}
	set.Iterate(func(path fieldpath.Path) {
		for n := 1; n <= len(path); n++ {
			known[path[:n].String()] = true
		}
	})
	return known
}
