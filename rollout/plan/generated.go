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

// GenerateIntent is what to create beside the user's objects, or to restore to its generated form. It contains no split,
// which is rendered separately.
type GenerateIntent struct {
	// Objects are the Services and HTTPRoutes to apply, with apiVersion and kind.
	Objects []*unstructured.Unstructured
	// LetGo are the objects that the policy no longer asks for. They become the user's as they are.
	LetGo []observed.GeneratedKey
	// Grants are to be created in other namespaces, after those of Ungrant are deleted.
	Grants  []*gatewayv1.ReferenceGrant
	Ungrant []gatewayv1.ReferenceGrant
}

// String lists what is written, each after a comma; empty for nothing.
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

// GrantKind is the kind that lets routes send to backends of other namespaces.
const GrantKind = "ReferenceGrant"

// GrantKeyOf names a grant with its namespace, because grants are in other namespaces than their Deployment.
func GrantKeyOf(grant *gatewayv1.ReferenceGrant) observed.GeneratedKey {
	return observed.GeneratedKey{Kind: GrantKind, Name: grant.Namespace + "/" + grant.Name}
}

// GrantChanges returns the grants to create and to delete so that the desired ones exist. A grant that changes is deleted
// and created again.
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
