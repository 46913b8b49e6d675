package reconciler

import (
	"testing"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/internal/route"
)

func TestGRPCRoutesAreLeftOutWhereTheyAreUnknown(t *testing.T) {
	version := schema.GroupVersion(gatewayv1.GroupVersion)
	mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{version})
	for _, kind := range []string{route.HTTP, route.GRPC} {
		mapper.Add(version.WithKind(kind), apimeta.RESTScopeNamespace)
		found, err := kindsOf(mapper)
		if err != nil || found.routes[len(found.routes)-1] != kind || found.grants != "" || found.listenerSets {
			t.Errorf("with CRDs up to %s: %v %v", kind, found, err)
		}
	}
}
