package workload

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// mostSearched is how many labels are tried in combination, of those that a selector names. Selectors with more labels are not
// expected.
const mostSearched = 12

// labelSet is a set of the labels that are searched, as bits.
type labelSet uint16

// catch is a selector that must not match the canary's pods. It depends only on which labels are rewritten: it does not match if
// one is rewritten whose new value it does not select, or one is not whose present value it does not select.
type catch struct{ rewritten, present labelSet }

func (c catch) matches(set labelSet) bool { return set&c.rewritten == 0 && ^set&c.present == 0 }

// search looks for the fewest labels to rewrite.
type search struct {
	pod map[string]string
	// keys are the labels that are searched in combination. Selectors name them.
	keys []string
	// alone are the labels of which one may be enough: the keys, and those that no selector names.
	alone   []string
	catches []catch
}

// searchFor returns the search among labels, or false if nothing can tell the pods apart.
func searchFor(primary *appsv1.Deployment, candidate corev1.PodTemplateSpec, services []corev1.Service) (search, bool) {
	selector, err := metav1.LabelSelectorAsSelector(primary.Spec.Selector)
	if err != nil {
		return search{}, false
	}
	selectors := []labels.Requirements{requirementsOf(selector)}
	for _, service := range servicesToAvoid(primary, candidate, services) {
		selectors = append(selectors, requirementsOf(labels.SelectorFromValidatedSet(service.Spec.Selector)))
	}
	s := search{pod: CanaryLabels(candidate.Labels, nil)}
	for _, key := range choices(primary, candidate) {
		isNamed := slices.ContainsFunc(selectors, names(key))
		if isNamed && len(s.keys) < mostSearched {
			s.keys = append(s.keys, key)
		}
		if !isNamed || slices.Contains(s.keys, key) {
			s.alone = append(s.alone, key)
		}
	}
	for _, requirements := range selectors {
		if caught, may := s.catchOf(requirements); may && !slices.Contains(s.catches, caught) {
			s.catches = append(s.catches, caught)
		}
	}
	return s, true
}

func requirementsOf(selector labels.Selector) labels.Requirements {
	requirements, _ := selector.Requirements()
	return requirements
}

// names returns whether a selector names a label.
func names(key string) func(labels.Requirements) bool {
	return func(requirements labels.Requirements) bool {
		return slices.ContainsFunc(requirements, func(r labels.Requirement) bool { return r.Key() == key })
	}
}

// catchOf returns what a selector depends on. It is false for one that matches in no case.
func (s search) catchOf(requirements labels.Requirements) (caught catch, may bool) {
	for _, r := range requirements {
		i := slices.Index(s.keys, r.Key())
		present := r.Matches(labels.Set(s.pod))
		if i < 0 {
			if !present {
				return catch{}, false
			}
			continue
		}
		if !present {
			caught.present |= 1 << i
		}
		if !r.Matches(labels.Set{r.Key(): canaryValue(s.pod[r.Key()])}) {
			caught.rewritten |= 1 << i
		}
	}
	return caught, true
}

// escapes reports whether no selector matches the pods with these labels rewritten.
func (s search) escapes(set labelSet) bool {
	return !slices.ContainsFunc(s.catches, func(c catch) bool { return c.matches(set) })
}

// fewest returns the fewest labels that escape, earlier ones first, or none.
func (s search) fewest() []string {
	if slices.Contains(s.catches, catch{}) {
		return nil
	}
	for i, key := range s.alone {
		if s.escapes(s.bit(key)) {
			return s.alone[i : i+1]
		}
	}
	for size := 2; size <= len(s.keys); size++ {
		if set, found := s.extend(0, 0, size); found {
			return s.in(set)
		}
	}
	return nil
}

// bit returns the set of one label, or the empty one if no selector names it.
func (s search) bit(key string) labelSet {
	if i := slices.Index(s.keys, key); i >= 0 {
		return 1 << i
	}
	return 0
}

// extend adds a number of labels to a set, all of them from an index on.
func (s search) extend(set labelSet, from, size int) (labelSet, bool) {
	if size == 0 {
		return set, s.escapes(set)
	}
	for i := from; i+size <= len(s.keys); i++ {
		if found, escapes := s.extend(set|1<<i, i+1, size-1); escapes {
			return found, true
		}
	}
	return 0, false
}

// in returns the labels of a set.
func (s search) in(set labelSet) []string {
	var keys []string
	for i, key := range s.keys {
		if set&(1<<i) != 0 {
			keys = append(keys, key)
		}
	}
	return keys
}
