package admission

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// guard enforces that the pod template of an opted-in Deployment changes only by promotion or in one of the direct
// ways. It sees the object as it will be stored, after every mutation, and so finds what another webhook changed after
// Sluice's. The error names the fields and says what to do.
func guard(old, updated map[string]any, request Request) error {
	live, err := templateOf(old)
	if err != nil {
		return err
	}
	stored, err := templateOf(updated)
	if err != nil {
		return err
	}
	c := change{
		before:     (&unstructured.Unstructured{Object: old}).GetAnnotations(),
		after:      (&unstructured.Unstructured{Object: updated}).GetAnnotations(),
		stored:     workload.ComparableOf(stored),
		reconciler: request.Reconciler,
	}
	if !config.OptedIn(c.before) || workload.ComparableOf(live).Equal(c.stored) || c.isPromotion() || c.isRestore() || c.isDirect() {
		return nil
	}
	return fmt.Errorf("spec.template: another admission webhook changed %s after Sluice had held the change back: let Sluice's webhook run last "+
		"(webhook configurations are called in the order of their names; Sluice's is zz-sluice), or exclude this Deployment from the other webhook", changedFields(live, stored))
}

// change is what guard looks at.
type change struct {
	before, after map[string]string
	stored        workload.Comparable
	reconciler    bool
}

// isPromotion reports whether the template is the candidate, stored by admission for the reconciler.
func (c change) isPromotion() bool {
	candidate, _ := workload.CandidateOf(c.before)
	previous, _ := workload.PreviousOf(c.after)
	return c.reconciler && candidate.InFlight() && previous != nil &&
		previous.PromotedID().Is(candidate.ID()) && c.stored.Equal(workload.ComparableOf(candidate.Template))
}

// isRestore reports whether the template is the one before a promotion.
func (c change) isRestore() bool {
	previous, _ := workload.PreviousOf(c.before)
	return c.reconciler && previous != nil && c.stored.Equal(workload.ComparableOf(previous.Template))
}

// isDirect reports whether admission let this very template through in this request.
func (c change) isDirect() bool {
	direct, _ := workload.DirectOf(c.after)
	return direct != nil && c.before[config.AnnotationDirect] != c.after[config.AnnotationDirect] && direct.Hash == c.stored.KnownHash()
}

// mostDifferences keeps a message readable.
const mostDifferences = 3

// changedFields names the first fields in which two templates differ.
func changedFields(a, b workload.Template) string {
	one, err := typedOf(a)
	if err != nil {
		return "the template"
	}
	other, err := typedOf(b)
	if err != nil {
		return "the template"
	}
	compared, err := one.Compare(other)
	if err != nil {
		return "the template"
	}
	var names []string
	compared.Added.Union(compared.Modified).Union(compared.Removed).Leaves().Iterate(func(path fieldpath.Path) {
		names = append(names, strings.TrimPrefix(path.String(), "."))
	})
	if len(names) > mostDifferences {
		names = append(names[:mostDifferences], fmt.Sprintf("%d more", len(names)-mostDifferences))
	}
	return strings.Join(names, ", ")
}
