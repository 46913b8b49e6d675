package admission

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// guard enforces that the pod template of a Deployment that is opted in, or becomes so, changes only by promotion or in one of
// the direct ways. It sees the object as it will be stored, after every mutation, and so finds what another webhook changed after
// Sluice's. The error names the fields and says what to do.
func guard(old, updated map[string]any, request Request) error {
	c, err := changeOf(old, updated, request)
	if err != nil || c.isLawful() {
		return err
	}
	return fmt.Errorf("spec.template: another admission webhook changed %s after Sluice had held the change back: rename its configuration to sort "+
		"before zz-sluice (webhook configurations are called in the order of their names), or exclude this Deployment from it",
		fields(differing(c.live.Template, c.stored.Template)))
}

// change is an update after mutations.
type change struct {
	before, after map[string]string
	live, stored  workload.Comparable
	reconciler    bool
}

// changeOf reads an update.
func changeOf(old, updated map[string]any, request Request) (change, error) {
	live, err := templateOf(old)
	if err != nil {
		return change{}, err
	}
	stored, err := templateOf(updated)
	if err != nil {
		return change{}, err
	}
	return change{
		before: annotationsOf(old), after: annotationsOf(updated),
		live: workload.ComparableOf(live), stored: workload.ComparableOf(stored), reconciler: request.Reconciler,
	}, nil
}

// isManaged reports whether the Deployment is opted in, or becomes so by this update.
func (c change) isManaged() bool { return config.OptedIn(c.before) || config.OptedIn(c.after) }

// isLawful reports whether the template may be stored.
func (c change) isLawful() bool {
	return !c.isManaged() || c.live.Equal(c.stored) || c.isPromotion() || c.isRestore() || c.isDirect()
}

// promoted returns the candidate that admission has put in for the reconciler; nil when it has not.
func (c change) promoted() *workload.Candidate {
	candidate, _ := workload.CandidateOf(c.before)
	previous, _ := workload.PreviousOf(c.after)
	if c.reconciler && candidate.InFlight() && previous != nil && previous.PromotedID().Is(candidate.ID()) {
		return candidate
	}
	return nil
}

// isPromotion reports whether the template is the candidate, stored by admission for the reconciler.
func (c change) isPromotion() bool {
	candidate := c.promoted()
	return candidate != nil && c.stored.Equal(workload.ComparableOf(candidate.Template))
}

// isRestore reports whether the template is the one before a promotion.
func (c change) isRestore() bool {
	previous, _ := workload.PreviousOf(c.before)
	return c.reconciler && previous != nil && c.stored.Equal(workload.ComparableOf(previous.Template))
}

// direct returns the record of a change that admission has let through in this request; nil when it has not.
func (c change) direct() *workload.Direct {
	before, _ := workload.DirectsOf(c.before)
	after, _ := workload.DirectsOf(c.after)
	last := after.Last()
	if last == nil || slices.ContainsFunc(before, func(known workload.Direct) bool { return known.ID().Is(last.ID()) }) {
		return nil
	}
	return last
}

// isDirect reports whether admission let this very template through in this request.
func (c change) isDirect() bool {
	direct := c.direct()
	return direct != nil && direct.Hash == c.stored.KnownHash()
}

// mostDifferences keeps a message readable.
const mostDifferences = 3

// fields names the first of the fields of a template.
func fields(set *fieldpath.Set) string {
	if set.Empty() {
		return "the template"
	}
	var names []string
	set.Iterate(func(path fieldpath.Path) {
		names = append(names, strings.TrimPrefix(path.String(), "."))
	})
	if len(names) > mostDifferences {
		names = append(names[:mostDifferences], fmt.Sprintf("%d more", len(names)-mostDifferences))
	}
	return strings.Join(names, ", ")
}
