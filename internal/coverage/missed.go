package coverage

import (
	"slices"
	"strings"
)

// Miss is an object that applies to a primary and would miss its canary.
type Miss struct {
	// Object names it as in a sentence, and Ref as KIND/NAME.
	Object, Ref string
	// ByService is set if it selects Services, not pods.
	ByService bool
	// Elsewhere is set for an object of another namespace whose owner decides nothing about this one.
	Elsewhere bool
	// Monitors is set if the object only says what is scraped.
	Monitors bool
}

// copySuffix ends the name of an object that is there for the canary as another one is for the primary.
const copySuffix = "-canary"

// Missed returns the objects that apply to the primary and not to the canary, in the order of their names. An object counts for
// the canary, too, if another one of the same kind and namespace selects the canary and has its name with -canary.
func Missed(objects []Object, primary, canary Workload) []Miss {
	var found []Miss
	objects = inForce(objects)
	for _, o := range objects {
		pick := o.missed(primary, canary)
		if pick == nil || hasCopy(objects, o, canary) {
			continue
		}
		found = append(found, Miss{Object: o.Named(primary.Namespace), Ref: o.Kind + "/" + o.Name, ByService: pick.byService(),
			Elsewhere: !o.Root && o.Namespace != primary.Namespace, Monitors: o.Monitors})
	}
	slices.SortFunc(found, func(a, b Miss) int { return strings.Compare(a.Object, b.Object) })
	return slices.CompactFunc(found, func(a, b Miss) bool { return a.Object == b.Object })
}

// missed returns a pick that fits the primary and not the canary, or nil.
func (o Object) missed(primary, canary Workload) *Pick {
	for i, pick := range o.Picks {
		if pick.fits(primary) && !pick.fits(canary) {
			return &o.Picks[i]
		}
	}
	return nil
}

func (p Pick) byService() bool {
	return slices.ContainsFunc(p.Terms, func(term Term) bool {
		return slices.ContainsFunc(term, func(test Test) bool { return test.Of.ofService() })
	})
}

// MayCount reports whether an object must be kept to judge a primary: it applies to it, or may be the copy of one that does.
func (o Object) MayCount(primary Workload) bool {
	return o.Unclear != "" || strings.HasSuffix(o.Name, copySuffix) || o.Fits(primary)
}

func hasCopy(objects []Object, of Object, canary Workload) bool {
	return slices.ContainsFunc(objects, func(o Object) bool {
		return o.Kind == of.Kind && o.Namespace == of.Namespace && o.Name == of.Name+copySuffix && o.Fits(canary)
	})
}

// inForce returns the objects, with those that need bindings as their bindings narrow them, and without the bindings.
func inForce(objects []Object) []Object {
	var all []Object
	for _, o := range objects {
		switch {
		case o.BindsKind != "":
		case !o.Bound:
			all = append(all, o)
		default:
			for _, binding := range objects {
				if binding.BindsKind == o.Kind && binding.Binds == o.Name {
					all = append(all, o.narrowed(binding))
				}
			}
		}
	}
	return all
}

// narrowed returns the object as it applies by one of its bindings.
func (o Object) narrowed(binding Object) Object {
	var both []Pick
	for _, pick := range o.Picks {
		for _, by := range binding.Picks {
			if by.Role == pick.Role {
				both = append(both, Pick{Role: pick.Role, Terms: []Term{slices.Concat(pick.Terms[0], by.Terms[0])}})
			}
		}
	}
	o.Picks = both
	return o
}
