package emergency

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// TestRulesStayTheirOwnersUnderAGatewayThatReports has a gateway that reports every generation at once, between the two writes of a
// route.
func TestRulesStayTheirOwnersUnderAGatewayThatReports(t *testing.T) {
	g, ctx := NewWithT(t), t.Context()
	scheme := runtime.NewScheme()
	g.Expect(gatewayv1.Install(scheme)).To(Succeed())
	inMemory := fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().WithStatusSubresource(&gatewayv1.HTTPRoute{}).Build()
	typed := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "podinfo"}}
	typed.Spec.Hostnames = []gatewayv1.Hostname{"before.example"}
	g.Expect(inMemory.Create(ctx, typed, client.FieldOwner("helm"))).To(Succeed())
	reports := interceptor.NewClient(inMemory, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
			if err := c.Update(ctx, o, options...); err != nil {
				return err
			}
			seen := &gatewayv1.HTTPRoute{}
			if err := c.Get(ctx, client.ObjectKeyFromObject(o), seen); err != nil || len(seen.Status.Parents) > 0 {
				return err
			}
			seen.Status.Parents = []gatewayv1.RouteParentStatus{{ControllerName: "example.com/gateway", ParentRef: gatewayv1.ParentReference{Name: "gateway"},
				Conditions: []metav1.Condition{}}}
			return c.Status().Update(ctx, seen, client.FieldOwner("gateway"))
		},
	})
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: "HTTPRoute"})
	g.Expect(inMemory.Get(ctx, client.ObjectKeyFromObject(typed), object)).To(Succeed())
	g.Expect(unstructured.SetNestedStringSlice(object.Object, []string{"after.example"}, "spec", "hostnames")).To(Succeed())

	g.Expect(writeRoute(ctx, reports, object)).To(Succeed())

	g.Expect(inMemory.Get(ctx, client.ObjectKeyFromObject(typed), typed)).To(Succeed())
	g.Expect(typed.Spec.Hostnames).To(ConsistOf(gatewayv1.Hostname("after.example")))
	managers := []string{}
	for _, entry := range typed.ManagedFields {
		managers = append(managers, entry.Manager)
	}
	g.Expect(managers).To(ConsistOf("helm", "gateway"))
}
