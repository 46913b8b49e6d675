package admission

import (
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/internal/workload"
)

// Keep puts back the template that Render has decided on, if another webhook or a MutatingAdmissionPolicy has changed it since.
// The API server calls it right after Render, and again after those that it calls a second time: then they see a template that
// was put back, and change it like any other. It never puts in a template that the guard would refuse.
func Keep(old, updated map[string]any, request Request) (Result, error) {
	c, err := changeOf(old, updated, request)
	if err != nil || c.isLawful() {
		return Result{Object: updated}, err
	}
	decided := c.decided()
	if decided == nil {
		return Result{Object: updated}, nil
	}
	return Result{Object: withTemplate(updated, decided).Object}, nil
}

// decided returns the template that Render has stored, as its records tell; nil for a direct change by a user, of which they
// tell only the hash.
func (c change) decided() workload.Template {
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

// letThrough returns the candidate if it is what the reconciler has had let through; nil for a direct change by a user.
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
