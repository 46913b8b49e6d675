package coverage

import (
	"fmt"
	"slices"
)

// mostKept is how many labels, values and names are kept of the policies of one reading, and of its monitors. Monitors of other
// namespaces must not take the place of policies.
const mostKept = 1000

// Reading is what a look at the cluster has found.
type Reading struct {
	// Objects are those that may count for the primary.
	Objects []Object
	// NamespaceLabels are the labels of the namespace.
	NamespaceLabels map[string]string
	// Forbidden are the kinds that may not be read. Unread are other kinds and objects of which it cannot be told whether they
	// miss the canary, with the reason.
	Forbidden, Unread []string

	policies, monitors int
}

// Add keeps an object if it may count for one of the primaries. It reports whether there is room for more.
func (r *Reading) Add(o Object, primaries ...Workload) bool {
	kept := &r.policies
	if o.Monitors {
		kept = &r.monitors
	}
	switch {
	case !slices.ContainsFunc(primaries, o.MayCount):
		return true
	case o.Unclear != "" && !o.Root && o.Namespace != primaries[0].Namespace:
	case o.Unclear != "":
		r.Unread = append(r.Unread, fmt.Sprintf("%s (%s)", o.Named(primaries[0].Namespace), o.Unclear))
		*kept += mostTests / 10
	default:
		r.Objects = append(r.Objects, o)
		*kept += o.Size + 1
	}
	return *kept < mostKept
}
