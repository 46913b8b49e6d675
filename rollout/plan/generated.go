package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/rollout/observed"
)

// GenerateIntent is what should be made beside the user's objects, or brought back to what it was made as. It has no split: that
// is stated and rendered apart from it.
type GenerateIntent struct {
	// Objects to apply: Services and HTTPRoutes, with apiVersion and kind.
	Objects []*unstructured.Unstructured
	// LetGo are those that the policy no longer asks for: they become the user's, as they are.
	LetGo []observed.GeneratedKey
	// Grants are to be made in other namespaces, after those of Ungrant were deleted.
	Grants  []*gatewayv1.ReferenceGrant
	Ungrant []gatewayv1.ReferenceGrant
}

// String is what is written, each after a comma; empty for nothing.
func (g GenerateIntent) String() string {
	var b strings.Builder
	for _, made := range g.Objects {
		fmt.Fprintf(&b, ", apply %s %s", made.GetKind(), made.GetName())
	}
	for _, made := range g.LetGo {
		fmt.Fprintf(&b, ", let go of %s", made)
	}
	for _, grant := range g.Ungrant {
		fmt.Fprintf(&b, ", delete %s", GrantKeyOf(&grant))
	}
	for _, grant := range g.Grants {
		fmt.Fprintf(&b, ", make %s", GrantKeyOf(grant))
	}
	return b.String()
}

// GrantKind is the kind of what lets routes send to backends of other namespaces.
const GrantKind = "ReferenceGrant"

// GrantKeyOf names a grant; unlike other generated objects it is in another namespace.
func GrantKeyOf(grant *gatewayv1.ReferenceGrant) observed.GeneratedKey {
	return observed.GeneratedKey{Kind: GrantKind, Name: grant.Namespace + "/" + grant.Name}
}

// GrantChanges are the grants to make and those to delete so that there are those that are desired. One that is to change is
// made anew.
func GrantChanges(desired []*gatewayv1.ReferenceGrant, current []gatewayv1.ReferenceGrant) (missing []*gatewayv1.ReferenceGrant, surplus []gatewayv1.ReferenceGrant) {
	same := func(a, b *gatewayv1.ReferenceGrant) bool {
		return a.Namespace == b.Namespace && a.Name == b.Name && equality.Semantic.DeepEqual(a.Spec, b.Spec)
	}
	for _, grant := range desired {
		if !slices.ContainsFunc(current, func(c gatewayv1.ReferenceGrant) bool { return same(grant, &c) }) {
			missing = append(missing, grant)
		}
	}
	for _, grant := range current {
		if !slices.ContainsFunc(desired, func(d *gatewayv1.ReferenceGrant) bool { return same(d, &grant) }) {
			surplus = append(surplus, grant)
		}
	}
	return missing, surplus
}
