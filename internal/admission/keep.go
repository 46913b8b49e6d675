package admission

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// Keep puts back the template that Render has decided on, if another webhook or a MutatingAdmissionPolicy has changed it since.
// The API server calls it after all of them, and again after those that it calls a second time: then they see a template that
// was put back, and change it like any other. It never puts in a template that the guard would refuse. Of a change that a user
// makes directly, the record follows what the others make of it.
func Keep(old, updated map[string]any, request Request) (Result, error) {
	c, err := changeOf(old, updated, request)
	if err != nil {
		return Result{Object: updated}, err
	}
	if direct := c.direct(); direct != nil && !c.reconciler && !c.isDirect() {
		return c.recorded(updated, *direct)
	}
	decided := c.decided()
	if decided == nil || c.stored.Equal(workload.ComparableOf(decided)) {
		return Result{Object: updated}, nil
	}
	return Result{Object: withTemplate(updated, decided).Object, Warnings: c.warnings(updated, decided)}, nil
}

// recorded writes what will be stored into the record of a user's direct change, the last of the records.
func (c change) recorded(updated map[string]any, direct workload.Direct) (Result, error) {
	directs, err := workload.DirectsOf(c.after)
	if err != nil {
		return Result{}, err
	}
	direct.Hash = c.stored.KnownHash()
	directs[len(directs)-1] = direct
	encoded, err := directs.Encode()
	if err != nil {
		return Result{}, err
	}
	result := &unstructured.Unstructured{Object: maps.Clone(updated)}
	result.Object["metadata"] = maps.Clone(updated["metadata"].(map[string]any))
	annotations := maps.Clone(c.after)
	annotations[config.AnnotationDirect] = encoded
	result.SetAnnotations(annotations)
	return Result{Object: result.Object}, nil
}

// warnings tells a user what was put back. What the candidate has as well is not lost.
func (c change) warnings(updated map[string]any, decided workload.Template) []string {
	undone := differing(decided, c.stored.Template)
	if candidate, _ := workload.CandidateOf(c.after); candidate != nil && !undone.Empty() {
		if undone = undone.Intersection(differing(candidate.Template, c.stored.Template)); undone.Empty() {
			return nil
		}
	}
	if c.reconciler {
		return nil
	}
	return []string{warning(updated, "another admission webhook changed %s after Sluice's, so that was put back, and no rollout contains it: "+
		"rename its configuration to sort before zz-sluice", fields(undone))}
}

// decided returns the template that Render has stored, as its records tell; nil if it is not
// Sluice's to decide, or if they tell only its hash.
func (c change) decided() workload.Template {
	if !c.isManaged() {
		return nil
	}
	if direct := c.direct(); direct != nil {
		return c.letThrough(*direct)
	}
	if candidate := c.promoted(); candidate != nil {
		return candidate.Template
	}
	if previous := c.restored(); previous != nil {
		return previous.Template
	}
	return c.live.Template
}

// letThrough returns the candidate if it is what the reconciler has had let through; nil if it is not.
func (c change) letThrough(direct workload.Direct) workload.Template {
	candidate, _ := workload.CandidateOf(c.before)
	if !c.reconciler || candidate == nil || workload.ComparableOf(candidate.Template).KnownHash() != direct.Hash {
		return nil
	}
	return candidate.Template
}

// restored returns the template that admission has put back for the reconciler; nil when it has not.
func (c change) restored() *workload.Previous {
	previous, _ := workload.PreviousOf(c.before)
	kept, _ := workload.PreviousOf(c.after)
	candidate, _ := workload.CandidateOf(c.after)
	if c.reconciler && previous != nil && kept == nil && candidate != nil && candidate.Restored == previous.Hash {
		return previous
	}
	return nil
}

// differing returns the fields in which two templates differ; none if one of them has fields that this release does not know.
func differing(a, b workload.Template) *fieldpath.Set {
	values, err := typedAll(a, b)
	if err != nil {
		return fieldpath.NewSet()
	}
	compared, err := values[0].Compare(values[1])
	if err != nil {
		return fieldpath.NewSet()
	}
	return compared.Added.Union(compared.Modified).Union(compared.Removed).Leaves()
}
