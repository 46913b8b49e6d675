package process

import (
	"fmt"
	"slices"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// madeWhenApplied are permissions that the API server checks when an apply creates an object. No request for them is in any
// log.
var madeWhenApplied = []string{"create httproutes"}

// needsOtherNamespaces are resources that are written only for routes of other namespaces.
const needsOtherNamespaces = "referencegrants"

// generated lets a policy create a Service and a route, and release them.
func (s *shop) generated(p *process) {
	s.t.Helper()
	named := metav1.ObjectMeta{Namespace: shopNamespace, Name: "made"}
	pods := map[string]string{"app": "made"}
	policy := &v1alpha1.CanaryPolicy{ObjectMeta: named, Spec: v1alpha1.PolicySpec{Service: &v1alpha1.ServiceSpec{
		Port: ptr.To(int32(80)), GatewayRefs: []gatewayv1.ParentReference{{Name: "gateway"}}}}}
	deployment := &appsv1.Deployment{ObjectMeta: named, Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: pods},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "made"}}}}}}
	deployment.Annotations = map[string]string{"sluice.dev/canary": "true", "sluice.dev/policy": "made"}
	s.Expect(s.client.Create(s.t.Context(), policy)).To(Succeed())
	s.Expect(s.client.Create(s.t.Context(), deployment)).To(Succeed())
	route, key := &gatewayv1.HTTPRoute{}, client.ObjectKeyFromObject(policy)
	s.Eventually(func() error { return s.client.Get(s.t.Context(), key, route) }, patience, glance).Should(Succeed(), p.lines)
	s.Expect(s.client.Patch(s.t.Context(), policy, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"service":null}}`)))).To(Succeed())
	s.Eventually(func() map[string]string {
		_ = s.client.Get(s.t.Context(), key, route)
		return route.Labels
	}, patience, glance).Should(BeEmpty(), p.lines)
	s.Expect(s.client.Delete(s.t.Context(), deployment)).To(Succeed())
}

// sentFromElsewhere adds a route of another namespace, which needs a grant for the canary's Service.
func (s *shop) sentFromElsewhere() {
	s.t.Helper()
	s.Expect(s.client.Create(s.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}})).To(Succeed())
	var route gatewayv1.HTTPRoute
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, &route)).To(Succeed())
	route.ObjectMeta = metav1.ObjectMeta{Namespace: "elsewhere", Name: "podinfo"}
	shop := gatewayv1.Namespace(shopNamespace)
	route.Spec.ParentRefs[0].Namespace, route.Spec.Rules[0].BackendRefs[0].Namespace = &shop, &shop
	podinfo := gatewayv1.ObjectName("podinfo")
	s.Expect(s.client.Create(s.t.Context(), &gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo"}, Spec: gatewayv1.ReferenceGrantSpec{
		From: []gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: "elsewhere"}},
		To:   []gatewayv1.ReferenceGrantTo{{Kind: "Service", Name: &podinfo}},
	}})).To(Succeed())
	s.Expect(s.client.Create(s.t.Context(), &route)).To(Succeed())
	s.t.Cleanup(s.server.PlayControllers("elsewhere"))
}

// neededOnlyBy says why a permission need not be in the log.
func neededOnlyBy(g grant, namespaced bool) bool {
	return slices.Contains(mayFinalize, g.resource) || slices.Contains(madeWhenApplied, fmt.Sprintf("%s %s", g.verb, g.resource)) ||
		namespaced && g.resource == needsOtherNamespaces && (g.verb == "create" || g.verb == "delete")
}

// earlierVersion creates a ReplicaSet that has a copy of a template which the Deployment no longer holds. It returns whether that is
// gone.
func (s *shop) earlierVersion() (cleared func() bool) {
	s.t.Helper()
	primary := &appsv1.Deployment{}
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, primary)).To(Succeed())
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "podinfo-earlier", Labels: primary.Spec.Template.Labels,
		Annotations:     map[string]string{config.AnnotationCandidate: "{}"},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(primary, appsv1.SchemeGroupVersion.WithKind("Deployment"))}}}
	set.Spec = appsv1.ReplicaSetSpec{Replicas: new(int32(0)), Selector: primary.Spec.Selector, Template: primary.Spec.Template}
	s.Expect(s.client.Create(s.t.Context(), set)).To(Succeed())
	return func() bool {
		return s.client.Get(s.t.Context(), client.ObjectKeyFromObject(set), set) == nil && set.Annotations[config.AnnotationCandidate] == ""
	}
}
